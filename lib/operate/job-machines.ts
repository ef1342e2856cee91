import {
  type BatchClient,
  type ComputeEnvironmentDetail,
  DescribeComputeEnvironmentsCommand,
  DescribeJobQueuesCommand,
} from '@aws-sdk/client-batch';
import { isGpuInstance } from '../contracts/instances.ts';
import { commandError } from './command-error.ts';
import { hourlyUsd } from './estimate-cost.ts';

/** The machines of a job queue. */
export interface JobMachines {
  /** Empty on Fargate. */
  instanceTypes: string[];
  /** Spot price of the most expensive type (USD per hour); null if the price table lacks one of the types. */
  usdPerHour: number | null;
  /** Why AWS cannot start machines; null if it reports no problem. */
  trouble: string | null;
}

/** @throws {CommandError} */
export async function readMachines(client: BatchClient, queue: string): Promise<JobMachines> {
  try {
    const { jobQueues: [found] = [] } = await client.send(new DescribeJobQueuesCommand({ jobQueues: [queue] }));
    const names = (found?.computeEnvironmentOrder ?? []).flatMap(({ computeEnvironment: name }) => name ?? []);
    if (names.length === 0)
      return { instanceTypes: [], usdPerHour: null, trouble: 'the job queue has no compute environment' };
    const command = new DescribeComputeEnvironmentsCommand({ computeEnvironments: names });
    const { computeEnvironments = [] } = await client.send(command);
    const instanceTypes = computeEnvironments.flatMap((one) => one.computeResources?.instanceTypes ?? []);
    const fargate = computeEnvironments.some((one) => one.computeResources?.type?.startsWith('FARGATE'));
    const troubles = computeEnvironments.flatMap((one) => troubleOf(one) ?? []);
    return {
      instanceTypes,
      usdPerHour: fargate ? hourlyUsd('cpu').spot : highestSpotPrice(instanceTypes),
      trouble: troubles[0] ?? null,
    };
  } catch (error) {
    throw commandError('read the machines of the job queue', error);
  }
}

/** AWS Batch reports problems also in a valid environment. A reason with "Healthy" is not a problem. */
function troubleOf({ state, status, statusReason }: ComputeEnvironmentDetail): string | undefined {
  if (state === 'DISABLED') return 'its compute environment is disabled';
  const healthy = statusReason === undefined || /healthy/i.test(statusReason);
  if (status === 'INVALID') return statusReason ?? 'its compute environment is invalid';
  return healthy ? undefined : statusReason;
}

function highestSpotPrice(types: readonly string[]): number | null {
  const known = types.filter(isGpuInstance).map((type) => hourlyUsd(type).spot);
  return known.length === 0 || known.length < types.length ? null : Math.max(...known);
}
