import { heartbeatsPerVisibility, longPollMs, workerVisibilitySeconds } from '../contracts/delivery.ts';
import { maxChunkMessages } from '../contracts/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue, QueueMessage } from '../ports/queue.ts';
import { createTurnstile, type Turnstile, workerSuspectsFrom } from './isolate-poison.ts';

/** A flow over one queue. Resolves when the message may be deleted, rejects when it must be retried. */
export type Flow = (message: QueueMessage, signal?: AbortSignal) => Promise<void>;

export interface ConsumerOptions {
  queue: Queue;
  flow: Flow;
  clock: Clock;
  /** Stops receiving. Messages at hand are finished first. */
  signal: AbortSignal;
  /** Handed to the flow: aborts what has not begun. Default: never. */
  giveUp?: AbortSignal;
  /** Most messages at hand. */
  concurrency: number;
  /** Visibility timeout of a message at hand. It is extended three times per timeout (milliseconds; default 60 s). */
  visibilityMs?: number;
  /** Longest wait of one receive (milliseconds; default {@link longPollMs}). */
  waitMs?: number;
  /** How long a failed message stays hidden, by its receive count (milliseconds). */
  retryDelayMs: (receiveCount: number) => number;
  /** Isolates poison; shared by all consumers of a process. Default: every message begins at once. */
  turnstile?: Turnstile;
  /** Receives every failure: with the message if the flow failed, without if the queue did. */
  onError(error: unknown, message?: QueueMessage): void;
}

/** Pause after the queue failed (milliseconds). */
const queueErrorPauseMs = 1000;

/**
 * Runs a flow over a queue until `signal` aborts, then finishes the messages at hand. A message is kept hidden while
 * its flow runs, deleted when the flow resolves, and released for a retry when it rejects.
 */
export async function consume(options: ConsumerOptions): Promise<void> {
  const { queue, flow, clock, signal, giveUp, concurrency, turnstile, retryDelayMs, onError } = options;
  const { visibilityMs = workerVisibilitySeconds * 1000, waitMs = longPollMs } = options;
  const held = new Map<string, Promise<void>>();
  const drained = new AbortController();

  async function hold(message: QueueMessage): Promise<void> {
    const { receipt, receiveCount } = message;
    try {
      await flow(message, giveUp);
    } catch (error) {
      if (!giveUp?.aborted) onError(error, message);
      const delay = giveUp?.aborted ? 0 : retryDelayMs(receiveCount);
      return tolerate(() => queue.changeVisibility([receipt], delay));
    }
    await tolerate(() => queue.delete([receipt]));
  }

  /** A failure here only causes an additional delivery, and every step is idempotent. */
  async function tolerate(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      onError(error);
    }
  }

  async function keepHidden(): Promise<void> {
    while (!drained.signal.aborted) {
      await clock.sleep(visibilityMs / heartbeatsPerVisibility, drained.signal);
      // Not awaited: a slow answer must not delay the next renewal, or all messages at hand are delivered again.
      if (held.size > 0) void tolerate(() => queue.changeVisibility([...held.keys()], visibilityMs));
    }
  }

  async function receive(): Promise<QueueMessage[]> {
    try {
      return await queue.receive({ maxMessages: Math.min(concurrency - held.size, maxChunkMessages), waitMs, signal });
    } catch (error) {
      onError(error);
      await clock.sleep(queueErrorPauseMs, signal);
      return [];
    }
  }

  const heartbeat = keepHidden();
  while (!signal.aborted) {
    if (held.size >= concurrency) await Promise.race(held.values());
    else {
      for (const message of await receive()) {
        const holding = turnstile?.run(message, () => hold(message)) ?? hold(message);
        held.set(
          message.receipt,
          holding.finally(() => held.delete(message.receipt)),
        );
      }
    }
  }
  await Promise.all(held.values());
  drained.abort('drained');
  await heartbeat;
}

export interface WorkOptions extends Omit<ConsumerOptions, 'concurrency' | 'giveUp' | 'turnstile'> {
  /** Receivers that run at once. */
  consumers: number;
  /** Messages at hand in all consumers together; each consumer takes at least one. */
  prefetch: number;
  /** How long messages at hand may be finished after `signal` aborts (milliseconds). Then `giveUp` aborts. */
  drainMs: number;
  /** Aborts what has not begun; its messages are released. */
  giveUp: AbortController;
}

/** Runs several consumers over one queue until `signal` aborts, then finishes or releases the messages at hand. */
export async function workUntilStopped(options: WorkOptions): Promise<void> {
  const { consumers, prefetch, drainMs, giveUp, clock, signal, ...rest } = options;
  const done = new AbortController();
  const limitDrain = async (): Promise<void> => {
    await clock.sleep(drainMs, done.signal);
    if (!done.signal.aborted) giveUp.abort();
  };
  signal.addEventListener('abort', () => void limitDrain(), { once: true });
  const concurrency = Math.max(Math.floor(prefetch / consumers), 1);
  const turnstile = createTurnstile(clock, workerSuspectsFrom);
  const consumer = { ...rest, clock, signal, giveUp: giveUp.signal, concurrency, turnstile };
  await Promise.all(Array.from({ length: consumers }, () => consume(consumer)));
  done.abort('done');
}
