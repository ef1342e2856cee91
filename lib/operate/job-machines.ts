import {
  type BatchClient,
  type ComputeEnvironmentDetail,
  DescribeComputeEnvironmentsCommand,
  DescribeJobQueuesCommand,
} from '@aws-sdk/client-batch';
import { isGpuInstance } from '../contracts/instances.ts';
import { hourlyUsd } from './estimate-cost.ts';
import { commandError } from './operator-error.ts';

/** What a queue's jobs run on. */
export interface JobMachines {
  /** Instance types, or none on Fargate. */
  instanceTypes: string[];
  /** What a job costs on Spot, USD an hour, at the dearest of the types; null where the price table lacks one. */
  usdPerHour: number | null;
  /** AWS's words when it cannot start machines; null when it says nothing of the kind. */
  trouble: string | null;
}

/** @throws CommandError */
export async function readMachines(client: BatchClient, queue: string): Promise<JobMachines> {
  try {
    const { jobQueues: [found] = [] } = await client.send(new DescribeJobQueuesCommand({ jobQueues: [queue] }));
    const names = (found?.computeEnvironmentOrder ?? []).flatMap(({ computeEnvironment: name }) => name ?? []);
    if (names.length === 0) return { instanceTypes: [], usdPerHour: null, trouble: 'the queue has no machines' };
    const command = new DescribeComputeEnvironmentsCommand({ computeEnvironments: names });
    const { computeEnvironments = [] } = await client.send(command);
    const instanceTypes = computeEnvironments.flatMap((one) => one.computeResources?.instanceTypes ?? []);
    const fargate = computeEnvironments.some((one) => one.computeResources?.type?.startsWith('FARGATE'));
    const troubles = computeEnvironments.flatMap((one) => troubleOf(one) ?? []);
    return {
      instanceTypes,
      usdPerHour: fargate ? hourlyUsd('cpu').spot : dearest(instanceTypes),
      trouble: troubles[0] ?? null,
    };
  } catch (error) {
    throw commandError('look at the machines of batch jobs', error);
  }
}

/** Batch tells what stood in its way also where the environment is valid; "Healthy" is good news. */
function troubleOf({ state, status, statusReason }: ComputeEnvironmentDetail): string | undefined {
  if (state === 'DISABLED') return 'its compute environment is disabled';
  const healthy = statusReason === undefined || /healthy/i.test(statusReason);
  if (status === 'INVALID') return statusReason ?? 'its compute environment is invalid';
  return healthy ? undefined : statusReason;
}

function dearest(types: readonly string[]): number | null {
  const known = types.filter(isGpuInstance).map((type) => hourlyUsd(type).spot);
  return known.length === 0 || known.length < types.length ? null : Math.max(...known);
}
