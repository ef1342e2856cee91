import type { SQSClient } from '@aws-sdk/client-sqs';
import { createSqsClient } from '../aws/clients.ts';
import { createSqsQueue } from '../aws/sqs-queue.ts';
import { maxReceiveCount, retryDelayMs, visibilitySeconds } from '../contracts/delivery.ts';
import { aFunction, aSignal, checkOptions, type Rules, whole } from '../contracts/option-rules.ts';
import { systemClock as clock } from '../local/system-clock.ts';
import { workUntilStopped } from '../pipeline/consumer.ts';
import { type EventHandlers, eventFlow } from './handlers.ts';

export interface ConsumeOptions extends EventHandlers {
  /** URL of the queue: the stack's output ResultEventsQueueUrl, or of your own queue that subscribes to the topic. */
  queueUrl: string;
  /** Stops receiving. Events at hand are finished first. */
  signal: AbortSignal;
  /** Most events at hand (default 10). */
  concurrency?: number | undefined;
  /** How long an event at hand stays hidden from other consumers; extended until it is handled (seconds; default 300). */
  visibilitySeconds?: number | undefined;
  /** How long a failed event stays hidden, by its number of receives (seconds; default 10, 40, 160, 640). */
  retryDelaySeconds?: ((receiveCount: number) => number) | undefined;
  /** Most time for events at hand after `signal` aborts; then their own signal aborts (seconds; default 30). */
  drainSeconds?: number | undefined;
  /** Default: one that reads the environment, as the AWS SDK does. */
  client?: SQSClient | undefined;
  /** Receives what failed and will come again (default: prints it on standard error). */
  onError?: ((error: unknown) => void) | undefined;
}

/** Source: Amazon SQS API Reference, "ChangeMessageVisibility": 12 hours. */
const longestVisibility = 43_200;

/** Node's longest timer (seconds). */
const longestTimer = 2_147_483;

const rules: Rules<ConsumeOptions> = {
  queueUrl: [(value) => URL.canParse(String(value)), 'the URL of a queue'],
  signal: aSignal,
  concurrency: whole(1),
  visibilitySeconds: whole(1, longestVisibility),
  retryDelaySeconds: aFunction,
  drainSeconds: whole(0, longestTimer),
  client: [(value) => typeof value === 'object' && value !== null, 'an SQSClient'],
  onError: aFunction,
  onResult: aFunction,
  onJobEnd: aFunction,
};

/**
 * Calls the handlers for every event of a queue until `signal` aborts. It polls long, deletes an event after its handler is
 * done, keeps it hidden meanwhile, and hides a failed one for 10 s to 15 minutes. An event that ended the process twice
 * is handled alone. After five receives, the queue of the stack moves an event to its dead-letter queue.
 *
 * @throws {UsageError} when an option is unknown or out of range
 */
export async function consume(options: ConsumeOptions): Promise<void> {
  // JavaScript may leave out what has no default.
  checkOptions({ ...options, queueUrl: options.queueUrl ?? '', signal: options.signal ?? null }, rules);
  const { queueUrl, signal, concurrency = 10, drainSeconds = 30, client = createSqsClient() } = options;
  const { visibilitySeconds: visibility = visibilitySeconds.resultEvents, onError = print } = options;
  const { retryDelaySeconds = (count: number) => retryDelayMs(count) / 1000 } = options;
  const visibilityMs = visibility * 1000;
  await workUntilStopped({
    queue: createSqsQueue({ client, url: queueUrl, maxReceiveCount, visibilityMs }),
    flow: eventFlow(options),
    clock,
    signal,
    giveUp: new AbortController(),
    consumers: 1,
    prefetch: concurrency,
    visibilityMs,
    drainMs: drainSeconds * 1000,
    retryDelayMs: (receiveCount) => retryDelaySeconds(receiveCount) * 1000,
    onError,
  });
}

function print(error: unknown): void {
  console.error(error);
}
