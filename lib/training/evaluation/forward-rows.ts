import type { ForwardPool } from '../../runtime/forward-pool.ts';
import type { Output } from '../../runtime/session.ts';
import { type DataSet, gatherTokens } from '../data/data-set.ts';

/** Pictures that a worker gets at once: few enough for an even end, enough that messages between threads cost nothing. */
export const picturesAtOnce = 16;

/** Batches that each worker has at hand: it never waits for the main thread. */
const BATCHES_PER_WORKER = 2;

export interface ForwardRowsOptions {
  /** For BERT models: [rows, n], 1 = masked. Default: nothing is masked. */
  mask?: Uint8Array;
  onProgress?: (done: number, total: number) => void;
}

/**
 * Runs the pictures `rows` of a data set through a model, in batches on all workers, and hands over each batch as it
 * comes, in no fixed order: `start` counts in `rows`.
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
      const batch = rows.subarray(start, start + picturesAtOnce);
      next += batch.length;
      const outputs = await pool.run({
        tokens: gatherTokens(dataSet, batch),
        ...(mask && { mask: mask.slice(start * n, (start + batch.length) * n) }),
      });
      take(start, batch.length, outputs);
      done += batch.length;
      onProgress?.(done, rows.length);
    }
  }
  await Promise.all(Array.from({ length: pool.workers * BATCHES_PER_WORKER }, feed));
}
