import { type ExecutionListItem, ListExecutionsCommand, type SFNClient } from '@aws-sdk/client-sfn';

/** An execution of one of the cost brake's state machines. */
export interface Execution {
  name: string;
  /** RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED. */
  status: string;
  /** When it started. */
  at: Date;
}

/** Executions of both state machines, latest first. */
export interface BrakeExecutions {
  holds: readonly Execution[];
  releases: readonly Execution[];
}

/** Enough to reach back to the last release. */
const maxExecutions = 100;

/** @param brake ARNs of the state machines */
export async function readExecutions(
  client: SFNClient,
  brake: { holdArn: string; releaseArn: string },
): Promise<BrakeExecutions> {
  const [holds, releases] = await Promise.all([
    listExecutions(client, brake.holdArn),
    listExecutions(client, brake.releaseArn),
  ]);
  return { holds, releases };
}

async function listExecutions(client: SFNClient, stateMachineArn: string): Promise<Execution[]> {
  // Sorted by time, latest first. Source: AWS Step Functions API Reference, "ListExecutions".
  const command = new ListExecutionsCommand({ stateMachineArn, maxResults: maxExecutions });
  const { executions = [] } = await client.send(command);
  return executions.map(({ name, status, startDate }: ExecutionListItem) => ({
    name: name ?? '',
    status: String(status),
    at: startDate ?? new Date(0),
  }));
}

/** Holds that no release has ended, latest first. A failed release may have released only some parts, so it ends none. */
export function holdsInForce({ holds, releases }: BrakeExecutions): Execution[] {
  const released = releases.find(({ status }) => status === 'SUCCEEDED' || status === 'RUNNING');
  return holds.filter(({ at }) => released === undefined || at > released.at);
}
