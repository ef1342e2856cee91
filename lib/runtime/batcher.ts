import { ImageGptError } from '../ports/error.ts';
import { ModelError } from './error.ts';

export interface BatcherOptions<I, O> {
  /** Largest number of items in a batch. */
  maxBatch: number;
  /** Threads that compute batches. A batch that is not full is handed over only while one of them is idle. */
  threads: number;
  /** Largest number of unfinished batches. Those beyond `threads` are full and wait for the next free thread. */
  maxInFlight: number;
  /** Computes a batch: one result per item, in the same order. */
  perform: (batch: readonly I[]) => Promise<readonly O[]>;
}

export interface Batcher<I, O> {
  /** Resolves with the item's result, or rejects with the error of its batch. */
  submit(item: I): Promise<O>;
  /** Accepts no more items; resolves when all submitted ones are finished. */
  drain(): Promise<void>;
}

interface Entry<I, O> {
  item: I;
  resolve: (result: O) => void;
  reject: (error: unknown) => void;
}

/** Gathers items into batches, in the order in which they were submitted. */
export function createBatcher<I, O>(options: BatcherOptions<I, O>): Batcher<I, O> {
  const { maxBatch, threads, maxInFlight, perform } = options;
  const queue: Entry<I, O>[] = [];
  let inFlight = 0;
  let draining = false;
  const drained = Promise.withResolvers<void>();

  function handOver(): void {
    while (queue.length >= maxBatch && inFlight < maxInFlight) void finish(queue.splice(0, maxBatch));
    if (queue.length > 0 && inFlight < threads) void finish(queue.splice(0));
    if (draining && queue.length === 0 && inFlight === 0) drained.resolve();
  }

  async function finish(batch: readonly Entry<I, O>[]): Promise<void> {
    inFlight++;
    try {
      const results = await perform(batch.map((entry) => entry.item));
      if (results.length !== batch.length) {
        throw new ImageGptError(
          'results_mismatch',
          `Expected one result for each of ${batch.length} pictures, received ${results.length}.`,
        );
      }
      results.forEach((result, i) => {
        batch[i]?.resolve(result);
      });
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    } finally {
      inFlight--;
      handOver();
    }
  }

  return {
    submit(item) {
      if (draining) {
        return Promise.reject(new ModelError('model_closed', 'Expected an open model; this one is closed or closing.'));
      }
      const { promise, resolve, reject } = Promise.withResolvers<O>();
      queue.push({ item, resolve, reject });
      handOver();
      return promise;
    },
    drain() {
      draining = true;
      handOver();
      return drained.promise;
    },
  };
}
