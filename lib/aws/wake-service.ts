import { DescribeServicesCommand, type ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import type { Clock } from '../ports/clock.ts';
import type { Queue } from '../ports/queue.ts';
import { AwsError, awsError } from './aws-error.ts';

export interface WakeServiceOptions {
  client: ECSClient;
  cluster: string;
  service: string;
  clock: Clock;
}

/** For so long a service that was looked at is not looked at again, milliseconds. */
const cacheMs = 60_000;

/**
 * Makes a function that sets the service's desired count to 1 when it is 0. From there on its own scaling takes over:
 * that cannot see the first messages for minutes, because SQS's metrics stop when a queue is idle.
 */
export function createServiceWaker({ client, cluster, service, clock }: WakeServiceOptions): () => Promise<void> {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    try {
      const { services = [] } = await client.send(new DescribeServicesCommand({ cluster, services: [service] }));
      const [found] = services;
      if (found === undefined || found.status !== 'ACTIVE') {
        throw new AwsError(
          'service_missing',
          `Expected an active ECS service ${service} in ${cluster}, received ${found?.status ?? 'none'}.`,
        );
      }
      if (found.desiredCount === 0) {
        await client.send(new UpdateServiceCommand({ cluster, service, desiredCount: 1 }));
      }
    } catch (error) {
      throw error instanceof AwsError ? error : awsError(`wake the service ${service}`, error);
    }
    lookedAt = clock.now().getTime();
  }

  return async () => {
    if (clock.now().getTime() - lookedAt < cacheMs) return;
    looking ??= look().finally(() => {
      looking = undefined;
    });
    await looking;
  };
}

/**
 * A queue whose readers are woken after each send. When that fails the messages are in the queue all the same, and the
 * next send wakes again: so the error is only told.
 */
export function wakeOnSend(queue: Queue, wake: () => Promise<void>, onError: (error: unknown) => void): Queue {
  return {
    ...queue,
    async send(bodies, options) {
      await queue.send(bodies, options);
      await wake().catch(onError);
    },
  };
}
