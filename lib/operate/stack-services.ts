import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  type Service,
} from '@aws-sdk/client-ecs';
import { stopAdvice, stopReason } from '../aws/stopped-task.ts';
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
  for (const task of tasks) {
    const reason = stopReason(task);
    const { tasks: count = 0, last = null } = byReason.get(reason) ?? {};
    const at = task.stoppedAt ?? null;
    byReason.set(reason, { reason, advice: stopAdvice(reason), tasks: count + 1, last: later(last, at) });
  }
  return [...byReason.values()].toSorted((a, b) => (b.last?.getTime() ?? 0) - (a.last?.getTime() ?? 0));
}

function later(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}
