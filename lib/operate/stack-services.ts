import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  type Service,
} from '@aws-sdk/client-ecs';
import type { StackOutputs } from '../contracts/stack-outputs.ts';
import { commandError } from './operator-error.ts';
import { stopAdvice } from './stop-advice.ts';

/** One ECS service and what became of its tasks. */
export interface ServiceState {
  /** `worker` is the one that preprocess wakes; `on-demand` helps where Spot leaves work waiting. */
  role: 'worker' | 'on-demand';
  desired: number;
  running: number;
  pending: number;
  /** ECS's latest words about it that tell of trouble; null when there are none. */
  trouble: string | null;
  /** Tasks that ended lately (ECS forgets after an hour or so), by reason, the latest first. */
  stopped: StoppedTasks[];
}

interface StoppedTasks {
  reason: string;
  /** What to do about it, where the reason does not tell. */
  advice: string | null;
  tasks: number;
  /** When the last of them ended. */
  last: Date | null;
}

/** Tasks that are looked at for their reasons: DescribeTasks takes no more. Source: Amazon ECS API Reference. */
const mostTasks = 100;

/** Events older than this say nothing of now, milliseconds. */
const recentMs = 30 * 60_000;

/** ECS's words for what stands in the way, as its service events have them. */
const troubleWords =
  /unable to|was unable|failed|insufficient|no container instance|capacity|unhealthy|deployment failed/i;

/** @throws {CommandError} when ECS does not tell */
export async function readServices(client: ECSClient, outputs: StackOutputs, now: Date): Promise<ServiceState[]> {
  const { cluster, service, onDemandService } = outputs;
  const names = onDemandService === undefined ? [service] : [service, onDemandService];
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
    throw commandError('look at the tasks', error);
  }
}

function troubleOf({ events = [] }: Service, now: Date): string | null {
  const recent = events.filter(
    ({ createdAt }) => createdAt !== undefined && now.getTime() - createdAt.getTime() < recentMs,
  );
  const latest = recent.toSorted((a, b) => (b.createdAt?.getTime() ?? 0) - (a.createdAt?.getTime() ?? 0))[0];
  // A later event says that it is over.
  return latest?.message !== undefined && troubleWords.test(latest.message) ? latest.message : null;
}

async function stoppedTasks(client: ECSClient, cluster: string, serviceName: string): Promise<StoppedTasks[]> {
  const about = { cluster, serviceName, desiredStatus: 'STOPPED' as const, maxResults: mostTasks };
  const { taskArns = [] } = await client.send(new ListTasksCommand(about));
  if (taskArns.length === 0) return [];
  const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
  const byReason = new Map<string, StoppedTasks>();
  for (const { stoppedReason, stoppedAt, containers = [] } of tasks) {
    const failed = containers.find(({ exitCode, reason }) => reason !== undefined || (exitCode ?? 0) !== 0);
    const details = [failed?.reason, failed?.exitCode === undefined ? undefined : `exit code ${failed.exitCode}`];
    // ECS may give a container's reason as the task's, too.
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
