import type { FeatureNorm } from '../../ports/model.ts';
import type { ForwardPool } from '../../runtime/forward-pool.ts';
import type { DataSet } from '../data/data-set.ts';
import { forwardRows } from '../evaluation/forward-rows.ts';

/** Mean-pooled features of pictures at several layers, in memory shared by threads. */
export interface LayerFeatures {
  layers: readonly number[];
  norm: FeatureNorm;
  /** d */
  width: number;
  /** By layer, [N, d]; zero in rows that were not extracted. */
  values: ReadonlyMap<number, Float32Array<SharedArrayBuffer>>;
}

interface ExtractOptions {
  layers: readonly number[];
  norm: FeatureNorm;
  /** d */
  width: number;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Extracts the features of all `layers` of the pictures `rows` in one pass.
 *
 * @param pool opened for pooled `features` of these layers
 */
export async function extractFeatures(
  pool: ForwardPool,
  dataSet: DataSet,
  rows: Uint32Array,
  { layers, norm, width: d, onProgress }: ExtractOptions,
): Promise<LayerFeatures> {
  const values = new Map(
    layers.map((layer) => [
      layer,
      new Float32Array(new SharedArrayBuffer(dataSet.size * d * Float32Array.BYTES_PER_ELEMENT)),
    ]),
  );
  await forwardRows(
    pool,
    dataSet,
    rows,
    (start, count, outputs) => {
      const data = outputs.get('features')?.data ?? new Float32Array(0); // [count, k x d]
      for (let i = 0; i < count; i++) {
        layers.forEach((layer, k) => {
          const from = (i * layers.length + k) * d;
          values.get(layer)?.set(data.subarray(from, from + d), (rows[start + i] ?? 0) * d);
        });
      }
    },
    { onProgress },
  );
  return { layers, norm, width: d, values };
}

/** Features [rows, k x d] of k layers, concatenated. */
export function gatherFeatures(layers: readonly Float32Array[], width: number, rows: ArrayLike<number>): Float32Array {
  const gathered = new Float32Array(rows.length * layers.length * width);
  for (let i = 0, at = 0; i < rows.length; i++) {
    const start = (rows[i] ?? 0) * width;
    for (const values of layers) {
      gathered.set(values.subarray(start, start + width), at);
      at += width;
    }
  }
  return gathered;
}
