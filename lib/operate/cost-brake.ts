import {
  DescribeExecutionCommand,
  type ExecutionListItem,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { StackOutputs } from '../contracts/stack-outputs.ts';
import type { Clock } from '../ports/clock.ts';
import { ImageGptError } from '../ports/error.ts';
import { commandError } from './operator-error.ts';

/** `holding`, `releasing`: a state machine is at it. `held`: no task starts and no picture is taken in. */
export interface CostBrakeState {
  state: 'released' | 'holding' | 'held' | 'releasing';
  /** When that began; null when it never held. */
  since: Date | null;
  /** The last state machine's end, where it was not as it should be: FAILED, TIMED_OUT, ABORTED. */
  failed: string | null;
}

/** An execution, as far as the brake's state depends on it. */
export type LastExecution = { status: string; at: Date } | undefined;

/** The release did not come to its end. */
class ReleaseError extends ImageGptError {
  constructor(message: string) {
    super('release_failed', message);
  }
}

/** @throws {CommandError} when Step Functions does not tell */
export async function readCostBrake(client: SFNClient, outputs: StackOutputs): Promise<CostBrakeState> {
  try {
    const [hold, release] = await Promise.all([
      lastExecution(client, outputs.costBrakeHoldArn),
      lastExecution(client, outputs.costBrakeReleaseArn),
    ]);
    return brakeState(hold, release);
  } catch (error) {
    throw commandError('look at the cost brake', error);
  }
}

/** The state after the last run of each machine. */
export function brakeState(hold: LastExecution, release: LastExecution): CostBrakeState {
  if (hold === undefined) return { state: 'released', since: null, failed: null };
  const released = release !== undefined && release.at >= hold.at;
  const { status, at } = released ? release : hold;
  const running = status === 'RUNNING';
  const failed = running || status === 'SUCCEEDED' ? null : status;
  if (!released) return { state: running ? 'holding' : 'held', since: at, failed };
  if (running) return { state: 'releasing', since: at, failed };
  // A release that failed half-way has released a half: it must run again.
  return failed === null ? { state: 'released', since: at, failed } : { state: 'held', since: hold.at, failed };
}

async function lastExecution(client: SFNClient, stateMachineArn: string): Promise<LastExecution> {
  // The latest first. Source: AWS Step Functions API Reference, "ListExecutions".
  const { executions = [] } = await client.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 1 }));
  const [last] = executions.map(({ status, startDate }: ExecutionListItem) => ({
    status: String(status),
    at: startDate ?? new Date(0),
  }));
  return last;
}

/** The release machine retries for minutes when a service is just changing, milliseconds. */
const releaseLimitMs = 10 * 60_000;
const pollMs = 2000;

export interface ReleaseOptions {
  client: SFNClient;
  outputs: StackOutputs;
  clock: Clock;
  signal?: AbortSignal;
}

/**
 * Starts the release and waits for its end. Returns the names of the machine's steps that were done, in order.
 *
 * @throws {ReleaseError} when it failed, or has not ended after ten minutes
 * @throws {CommandError} when it cannot be started or asked
 */
export async function releaseCostBrake({ client, outputs, clock, signal }: ReleaseOptions): Promise<string[]> {
  const stateMachineArn = outputs.costBrakeReleaseArn;
  try {
    const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn }));
    const started = clock.now().getTime();
    for (;;) {
      const { status = '', cause } = await client.send(new DescribeExecutionCommand({ executionArn }));
      if (status === 'SUCCEEDED') return await stepsOf(client, executionArn);
      if (status !== 'RUNNING') {
        const steps = await stepsOf(client, executionArn);
        const done = steps.length === 0 ? 'nothing was done' : `done were only ${steps.join(', ')}`;
        throw new ReleaseError(
          `the release of the cost brake ended as ${status}${cause === undefined ? '' : ` (${cause})`}; ${done}: run igpt doctor --release again`,
        );
      }
      if (clock.now().getTime() - started >= releaseLimitMs || signal?.aborted) {
        throw new ReleaseError('the release of the cost brake is still running; ask igpt status how it ends');
      }
      await clock.sleep(pollMs, signal);
    }
  } catch (error) {
    throw error instanceof ReleaseError ? error : commandError('release the cost brake', error);
  }
}

async function stepsOf(client: SFNClient, executionArn: string | undefined): Promise<string[]> {
  const { events = [] } = await client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
  return events.flatMap(({ stateExitedEventDetails: details }) => details?.name ?? []);
}
