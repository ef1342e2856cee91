import type { Clock } from '../ports/clock.ts';
import type { EventSink, Queue } from '../ports/queue.ts';

export interface GatherOptions {
  clock: Clock;
  /** Items in one request. */
  maxItems: number;
  /** Longest that an item waits for company, milliseconds. */
  maxWaitMs: number;
}

interface Waiting<T> {
  items: readonly T[];
  resolve(): void;
  reject(reason: unknown): void;
}

/**
 * Lets calls that come at about the same time share one: a request costs the SDK most of a millisecond of CPU, whatever
 * it holds. A call resolves when its request has; when that fails, all its calls fail.
 */
export function gather<T>(perform: (items: readonly T[]) => Promise<void>, options: GatherOptions) {
  const { clock, maxItems, maxWaitMs } = options;
  let gathered: Waiting<T>[] = [];
  let count = 0;
  let timer = new AbortController();

  async function flush(): Promise<void> {
    timer.abort('sent');
    const calls = gathered;
    gathered = [];
    count = 0;
    try {
      await perform(calls.flatMap(({ items }) => items));
      for (const { resolve } of calls) resolve();
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  }

  async function flushAfterWait(): Promise<void> {
    timer = new AbortController();
    const { signal } = timer;
    await clock.sleep(maxWaitMs, signal);
    if (!signal.aborted) await flush();
  }

  return (items: readonly T[]): Promise<void> => {
    if (items.length === 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    gathered.push({ items, resolve, reject });
    count += items.length;
    if (count >= maxItems) void flush();
    else if (gathered.length === 1) void flushAfterWait();
    return promise;
  };
}

/** A sink whose events share requests. */
export function gatherEvents<E>(sink: EventSink<E>, options: GatherOptions): EventSink<E> {
  return { publish: gather((events) => sink.publish(events), options) };
}

/** A queue whose deletions share requests. */
export function gatherDeletions(queue: Queue, options: GatherOptions): Queue {
  return { ...queue, delete: gather((receipts) => queue.delete(receipts), options) };
}
