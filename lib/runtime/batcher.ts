import { ImageGptError } from '../ports/error.ts';
import { ModelError } from './error.ts';

export interface BatcherOptions<I, O> {
  /** Items in a batch, at most. */
  maxBatch: number;
  /** How long an item waits for company while a worker is idle, ms. */
  maxWaitMs: number;
  /** Batches that are worked on at once. */
  workers: number;
  /** Batches handed over and not yet done, at most: those beyond `workers` are full ones that lie ready for the next free worker. */
  maxInFlight: number;
  /** Works on one batch; resolves with as many results, in the same order. */
  run: (batch: readonly I[]) => Promise<readonly O[]>;
}

export interface Batcher<I, O> {
  /** Waits its turn, then resolves with the item's result or rejects with what its batch failed of. */
  submit(item: I): Promise<O>;
  /** Takes nothing more; resolves when everything that was submitted is done. */
  drain(): Promise<void>;
}

interface Entry<I, O> {
  item: I;
  queuedAt: number;
  resolve: (result: O) => void;
  reject: (error: unknown) => void;
}

/**
 * Gathers single items into batches, first come, first served. A full batch goes out as soon as there is room; another
 * one goes out when a worker is idle and its oldest item has waited `maxWaitMs`. Whatever the number of submitted items,
 * at most `maxInFlight` batches are out: the others wait here, and their callers with them.
 */
export function createBatcher<I, O>({
  maxBatch,
  maxWaitMs,
  workers,
  maxInFlight,
  run,
}: BatcherOptions<I, O>): Batcher<I, O> {
  const queue: Entry<I, O>[] = [];
  let inFlight = 0;
  let draining = false;
  let timer: NodeJS.Timeout | undefined;
  const drained = Promise.withResolvers<void>();

  function handOver(): void {
    clearTimeout(timer);
    while (queue.length >= maxBatch && inFlight < maxInFlight) {
      void finish(queue.splice(0, maxBatch));
    }
    const oldest = queue[0];
    if (oldest !== undefined && inFlight < workers) {
      const remainingMs = draining ? 0 : maxWaitMs - (performance.now() - oldest.queuedAt);
      if (remainingMs > 0) {
        timer = setTimeout(handOver, Math.ceil(remainingMs));
      } else {
        void finish(queue.splice(0));
      }
    }
    if (draining && queue.length === 0 && inFlight === 0) {
      drained.resolve();
    }
  }

  async function finish(batch: readonly Entry<I, O>[]): Promise<void> {
    inFlight++;
    try {
      const results = await run(batch.map((entry) => entry.item));
      if (results.length !== batch.length) {
        throw new ImageGptError(
          'results_mismatch',
          `A batch of ${batch.length} pictures came back with ${results.length} results.`,
        );
      }
      results.forEach((result, i) => {
        batch[i]?.resolve(result);
      });
    } catch (error) {
      for (const entry of batch) {
        entry.reject(error);
      }
    } finally {
      inFlight--;
      handOver();
    }
  }

  return {
    submit(item) {
      if (draining) {
        return Promise.reject(
          new ModelError('model_closed', 'The model is closed or being closed; nothing more can be predicted.'),
        );
      }
      const { promise, resolve, reject } = Promise.withResolvers<O>();
      queue.push({ item, queuedAt: performance.now(), resolve, reject });
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
