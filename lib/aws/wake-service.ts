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

/** How long a looked-up service state is trusted (milliseconds). */
const cacheMs = 60_000;

/**
 * Creates a function that sets the service's desired count to 1 if it is 0. The service's own scaling would notice the
 * first messages only after minutes, because SQS stops its metrics while a queue is idle.
 */
export function createServiceWaker({ client, cluster, service, clock }: WakeServiceOptions): () => Promise<void> {
  let checkedAt = Number.NEGATIVE_INFINITY;
  let checking: Promise<void> | undefined;

  async function check(): Promise<void> {
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
    checkedAt = clock.now().getTime();
  }

  return async () => {
    if (clock.now().getTime() - checkedAt < cacheMs) return;
    checking ??= check().finally(() => {
      checking = undefined;
    });
    await checking;
  };
}

/**
 * A queue that calls `wake` after each send. An error of `wake` goes to `onError` only: the messages are already in the
 * queue, and the next send calls `wake` again.
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
