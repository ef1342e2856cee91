import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { StackOutputs } from '../contracts/stack-outputs.ts';
import type { Clock } from '../ports/clock.ts';
import { ImageGptError } from '../ports/error.ts';
import { type BrakeExecutions, readExecutions } from './brake-executions.ts';
import { commandError } from './command-error.ts';
import { type LimitHold, limitInForce } from './daily-limit.ts';

/**
 * The cost brake stops a stack that costs money without producing outcomes, or more than its daily limit. `holding` and
 * `releasing`: its state machine is running. `held`: no task starts and no upload is processed.
 */
export interface CostBrakeState {
  state: 'released' | 'holding' | 'held' | 'releasing';
  /** When this state began; null if the brake never held. */
  since: Date | null;
  /** Status of the last state machine if it did not succeed: FAILED, TIMED_OUT, ABORTED. */
  failed: string | null;
  /** The daily limit, if it alone holds the brake: it releases the brake itself after midnight (UTC). */
  limit: LimitHold | null;
}

/** The release failed or timed out. */
class ReleaseError extends ImageGptError {
  constructor(message: string) {
    super('release_failed', message);
  }
}

/** @throws {CommandError} when the executions cannot be read */
export async function readCostBrake(client: SFNClient, outputs: StackOutputs): Promise<CostBrakeState> {
  try {
    const { costBrakeHoldArn: holdArn, costBrakeReleaseArn: releaseArn } = outputs;
    return brakeState(await readExecutions(client, { holdArn, releaseArn }));
  } catch (error) {
    throw commandError('read the cost brake', error);
  }
}

/** The state after the latest execution of both state machines. */
export function brakeState(executions: BrakeExecutions): CostBrakeState {
  const {
    holds: [hold],
    releases: [release],
  } = executions;
  if (hold === undefined) return { state: 'released', since: null, failed: null, limit: null };
  const released = release !== undefined && release.at >= hold.at;
  const { status, at } = released ? release : hold;
  const running = status === 'RUNNING';
  const failed = running || status === 'SUCCEEDED' ? null : status;
  const limit = limitInForce(executions);
  if (!released) return { state: running ? 'holding' : 'held', since: at, failed, limit };
  if (running) return { state: 'releasing', since: at, failed, limit };
  // A failed release may have released only some parts, so the brake still counts as held.
  return failed === null
    ? { state: 'released', since: at, failed, limit }
    : { state: 'held', since: hold.at, failed, limit };
}

/** The state machine retries for minutes while a service is changing (milliseconds). */
const releaseTimeoutMs = 10 * 60_000;

/** How often the execution is polled (milliseconds). */
const pollMs = 2000;

export interface ReleaseOptions {
  client: SFNClient;
  outputs: StackOutputs;
  clock: Clock;
  signal?: AbortSignal;
}

/**
 * Starts the release and waits for its end. Returns the names of the completed steps of the state machine, in order.
 *
 * @throws {ReleaseError} when it fails, or still runs after ten minutes
 * @throws {CommandError} when AWS refuses to start it or to report its status
 */
export async function releaseCostBrake({ client, outputs, clock, signal }: ReleaseOptions): Promise<string[]> {
  const stateMachineArn = outputs.costBrakeReleaseArn;
  try {
    const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn }));
    const started = clock.now().getTime();
    for (;;) {
      const { status = '', cause } = await client.send(new DescribeExecutionCommand({ executionArn }));
      if (status === 'SUCCEEDED') return await completedSteps(client, executionArn);
      if (status !== 'RUNNING') {
        const steps = await completedSteps(client, executionArn);
        const reason = cause === undefined ? '' : ` (${cause})`;
        const done = steps.length === 0 ? 'no step was completed' : `completed steps: ${steps.join(', ')}`;
        throw new ReleaseError(
          `the release of the cost brake ended as ${status}${reason}; ${done}; run igpt doctor --release again`,
        );
      }
      if (clock.now().getTime() - started >= releaseTimeoutMs || signal?.aborted) {
        throw new ReleaseError('the release of the cost brake is still running; igpt status shows when it has ended');
      }
      await clock.sleep(pollMs, signal);
    }
  } catch (error) {
    throw error instanceof ReleaseError ? error : commandError('release the cost brake', error);
  }
}

async function completedSteps(client: SFNClient, executionArn: string | undefined): Promise<string[]> {
  const { events = [] } = await client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
  return events.flatMap(({ stateExitedEventDetails: details }) => details?.name ?? []);
}
