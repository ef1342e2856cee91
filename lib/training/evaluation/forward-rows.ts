import type { ForwardPool } from '../../runtime/forward-pool.ts';
import { gpuBatch } from '../../runtime/gpu-batch.ts';
import type { Output } from '../../runtime/session.ts';
import { type DataSet, gatherTokens } from '../data/data-set.ts';

/** Batches queued for each thread, so that it never waits for the main thread. */
const batchesPerThread = 2;

export interface ForwardRowsOptions {
  /** [rows, n], 1 = masked; BERT models only. Default: nothing is masked. */
  mask?: Uint8Array | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Runs the model on the pictures `rows` of a data set, in batches on all threads. Batches arrive in any order.
 *
 * @param take receives the outputs of `count` pictures, from position `start` of `rows`
 */
export async function forwardRows(
  pool: ForwardPool,
  dataSet: DataSet,
  rows: Uint32Array,
  take: (start: number, count: number, outputs: ReadonlyMap<string, Output>) => void,
  { mask, onProgress }: ForwardRowsOptions = {},
): Promise<void> {
  const n = dataSet.tokensPerPicture;
  let next = 0;
  let done = 0;
  async function feed(): Promise<void> {
    while (next < rows.length) {
      const start = next;
      const batch = rows.subarray(start, start + gpuBatch.dataSets);
      next += batch.length;
      const outputs = await pool.execute({
        tokens: gatherTokens(dataSet, batch),
        mask: mask?.slice(start * n, (start + batch.length) * n),
      });
      take(start, batch.length, outputs);
      done += batch.length;
      onProgress?.(done, rows.length);
    }
  }
  await Promise.all(Array.from({ length: pool.threads * batchesPerThread }, feed));
}
