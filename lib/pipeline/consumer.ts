import { maxChunkMessages } from '../contracts/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue, QueueMessage } from '../ports/queue.ts';
import { createTurnstile, type Turnstile } from './isolate-poison.ts';

/** A flow over one queue: resolves when the message may be deleted, rejects when it must come again. */
export type Flow = (message: QueueMessage, signal?: AbortSignal) => Promise<void>;

export interface ConsumerOptions {
  queue: Queue;
  flow: Flow;
  clock: Clock;
  /** Stops receiving; the messages at hand are finished first. */
  signal: AbortSignal;
  /** Handed to the flow: aborts what has not begun. Default: never. */
  giveUp?: AbortSignal;
  /** Most messages at hand. */
  concurrency: number;
  /** For how long a message at hand stays hidden; renewed three times as often. Default 60 s. */
  visibilityMs?: number;
  /** Longest wait of one receive. Default 20 s, SQS's longest. */
  waitMs?: number;
  /** How long a failed message stays hidden, by its receive count. Default 1 s, doubled each time. */
  retryDelayMs?: (receiveCount: number) => number;
  /** Shared by all consumers of a process that messages may end. Default: none, every message begins at once. */
  turnstile?: Turnstile;
  /** Told of every failure: of the flow with its message, of the queue itself without. */
  onError(error: unknown, message?: QueueMessage): void;
}

/** Pause after the queue itself failed. */
const queueErrorPauseMs = 1000;

/**
 * Runs a flow over a queue until `signal` aborts, then finishes what is at hand. A message is deleted after its flow
 * has resolved, and released for a retry when it rejects; while held it is kept hidden.
 */
export async function consume(options: ConsumerOptions): Promise<void> {
  const { queue, flow, clock, signal, giveUp, concurrency, turnstile, onError } = options;
  const { visibilityMs = 60_000, waitMs = 20_000, retryDelayMs = (count) => 1000 * 2 ** (count - 1) } = options;
  const held = new Map<string, Promise<void>>();
  const drained = new AbortController();

  async function hold(message: QueueMessage): Promise<void> {
    const { receipt, receiveCount } = message;
    try {
      await flow(message, giveUp);
    } catch (error) {
      if (!giveUp?.aborted) onError(error, message);
      const delay = giveUp?.aborted ? 0 : retryDelayMs(receiveCount);
      return attempt(() => queue.changeVisibility([receipt], delay));
    }
    await attempt(() => queue.delete([receipt]));
  }

  /** What fails here costs only a delivery more: the message comes again, and every step can be done twice. */
  async function attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      onError(error);
    }
  }

  /** Nobody waits for an answer: one that is long in coming must not keep back the next, or all at hand comes again. */
  async function keepHidden(): Promise<void> {
    while (!drained.signal.aborted) {
      await clock.sleep(visibilityMs / 3, drained.signal);
      if (held.size > 0) void attempt(() => queue.changeVisibility([...held.keys()], visibilityMs));
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
        held.set(
          message.receipt,
          (turnstile?.run(message, () => hold(message)) ?? hold(message)).finally(() => held.delete(message.receipt)),
        );
      }
    }
  }
  await Promise.all(held.values());
  drained.abort('drained');
  await heartbeat;
}

export interface WorkOptions extends Omit<ConsumerOptions, 'concurrency' | 'giveUp' | 'turnstile'> {
  /** Receivers at once. */
  consumers: number;
  /** Messages at hand, all receivers together; each has at least one. */
  prefetch: number;
  /** From the abort of `signal`: what is at hand is finished for so long, then what has not begun is released. */
  drainMs: number;
  /** Aborts what has not begun, at once. */
  giveUp: AbortController;
}

/** Runs several consumers over one queue until `signal` aborts; then finishes or releases what they hold. */
export async function workUntilStopped(options: WorkOptions): Promise<void> {
  const { consumers, prefetch, drainMs, giveUp, clock, signal, ...rest } = options;
  const done = new AbortController();
  const limit = async (): Promise<void> => {
    await clock.sleep(drainMs, done.signal);
    if (!done.signal.aborted) giveUp.abort();
  };
  signal.addEventListener('abort', () => void limit(), { once: true });
  const concurrency = Math.max(Math.floor(prefetch / consumers), 1);
  const turnstile = createTurnstile(clock);
  const consumer = { ...rest, clock, signal, giveUp: giveUp.signal, concurrency, turnstile };
  await Promise.all(Array.from({ length: consumers }, () => consume(consumer)));
  done.abort('done');
}
