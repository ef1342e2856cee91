import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  type Service,
} from '@aws-sdk/client-ecs';
import type { StackOutputs } from '../contracts/stack-outputs.ts';
import { commandError } from './command-error.ts';

/** An ECS service and its tasks. */
export interface ServiceState {
  /** `worker` runs on Spot and is woken by preprocess. `on-demand` starts when work waits too long for Spot. */
  role: 'worker' | 'on-demand';
  desired: number;
  running: number;
  pending: number;
  /** Latest event of the service if it reports a problem, else null. */
  trouble: string | null;
  /** Stopped tasks of about the last hour by reason, latest first. ECS forgets older ones. */
  stopped: StoppedTasks[];
}

interface StoppedTasks {
  reason: string;
  /** What to do, if the reason does not say it. */
  advice: string | null;
  /** Number of tasks with this reason. */
  tasks: number;
  /** When the last of them stopped. */
  last: Date | null;
}

/** Most tasks in one call of DescribeTasks. Source: Amazon ECS API Reference. */
const maxTasks = 100;

/** Older events are ignored (milliseconds). */
const recentMs = 30 * 60_000;

/** Words with which ECS's service events report problems. */
const troubleWords =
  /unable to|was unable|failed|insufficient|no container instance|capacity|unhealthy|deployment failed/i;

/** Cluster and services of a stack, the one that preprocess wakes first; undefined if the stack has no tasks. */
export function ecsOf({ cluster, service, onDemandService }: StackOutputs) {
  if (cluster === undefined || service === undefined) return undefined;
  return { cluster, service, services: onDemandService === undefined ? [service] : [service, onDemandService] };
}

/**
 * The services of a stack; none with `compute=lambda`.
 *
 * @throws {CommandError}
 */
export async function readServices(client: ECSClient, outputs: StackOutputs, now: Date): Promise<ServiceState[]> {
  const ecs = ecsOf(outputs);
  if (ecs === undefined) return [];
  const { cluster, services: names } = ecs;
  try {
    const { services = [] } = await client.send(new DescribeServicesCommand({ cluster, services: names }));
    return await Promise.all(
      names.map(async (name, i): Promise<ServiceState> => {
        const found = services.find(({ serviceName, serviceArn }) => serviceName === name || serviceArn === name);
        return {
          role: i === 0 ? 'worker' : 'on-demand',
          desired: found?.desiredCount ?? 0,
          running: found?.runningCount ?? 0,
          pending: found?.pendingCount ?? 0,
          trouble: found === undefined ? `ECS has no service ${name}` : troubleOf(found, now),
          stopped: found === undefined ? [] : await stoppedTasks(client, cluster, name),
        };
      }),
    );
  } catch (error) {
    throw commandError('read the tasks', error);
  }
}

function troubleOf({ events = [] }: Service, now: Date): string | null {
  const recent = events.filter(
    ({ createdAt }) => createdAt !== undefined && now.getTime() - createdAt.getTime() < recentMs,
  );
  const latest = recent.toSorted((a, b) => (b.createdAt?.getTime() ?? 0) - (a.createdAt?.getTime() ?? 0))[0];
  // Only the latest counts: a later event without a problem means that it is solved.
  return latest?.message !== undefined && troubleWords.test(latest.message) ? latest.message : null;
}

async function stoppedTasks(client: ECSClient, cluster: string, serviceName: string): Promise<StoppedTasks[]> {
  const command = new ListTasksCommand({ cluster, serviceName, desiredStatus: 'STOPPED', maxResults: maxTasks });
  const { taskArns = [] } = await client.send(command);
  if (taskArns.length === 0) return [];
  const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
  const byReason = new Map<string, StoppedTasks>();
  for (const { stoppedReason, stoppedAt, containers = [] } of tasks) {
    const failed = containers.find(({ exitCode, reason }) => reason !== undefined || (exitCode ?? 0) !== 0);
    const details = [failed?.reason, failed?.exitCode === undefined ? undefined : `exit code ${failed.exitCode}`];
    // ECS sometimes repeats the container's reason as the task's.
    const parts = new Set([stoppedReason ?? 'no reason given', ...details]);
    const reason = [...parts].filter((part) => part !== undefined).join('; ');
    const { tasks: count = 0, last = null } = byReason.get(reason) ?? {};
    const at = stoppedAt ?? null;
    byReason.set(reason, { reason, advice: stopAdvice(reason), tasks: count + 1, last: later(last, at) });
  }
  return [...byReason.values()].toSorted((a, b) => (b.last?.getTime() ?? 0) - (a.last?.getTime() ?? 0));
}

function later(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}

/**
 * Words of nvidia-container-cli when the machine's driver is too old for the image's CUDA version. The container then
 * never starts. Source: NVIDIA_REQUIRE_CUDA of nvidia/cuda's images.
 */
const oldDriver = /unsatisfied condition: cuda ?>= ?([\d.]*\d)/;

/** What to do when ECS's reason for a stopped task does not say it; null for other reasons. */
export function stopAdvice(reason: string): string | null {
  const [, cuda] = oldDriver.exec(reason) ?? [];
  if (cuda === undefined) return null;
  return `the machine's NVIDIA driver is too old for CUDA ${cuda}, which the worker's image needs: run npx cdk deploy for ECS's newest GPU AMI (running machines keep the old one until they end), or choose an image of another CUDA 13 with -c cudaImage`;
}

/** Why tasks stopped, in words: the advice first, because ECS's reason alone does not help then. */
export function explainStop({ reason, advice }: { reason: string; advice: string | null }): string {
  return advice === null ? reason : `${advice}. ECS says: ${reason}`;
}
