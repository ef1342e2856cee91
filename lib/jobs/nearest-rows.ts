import type { OpenShard } from './shard.ts';

/** A picture of a job, and its similarity to the query. */
interface Neighbour {
  key: string;
  /** Cosine of the angle between the features, -1 to 1. */
  similarity: number;
  label: string | null;
}

/** Collects the rows that are nearest to a query. */
export interface NearestRows {
  /** Compares all rows of a shard with the query. */
  add(shard: OpenShard): Promise<void>;
  /** Best first; among equals, the row that was added first. */
  nearest(): Neighbour[];
  /** Number of rows compared: all that have features. */
  compared(): number;
}

/**
 * Exact search for the `k` rows whose features are nearest by cosine. Reads one row group at a time.
 *
 * @param query [d]
 * @throws {RangeError} when a row's features are not [d]
 */
export function createNearestRows(query: Float32Array, k: number): NearestRows {
  const norm = Math.sqrt(dot(query, query));
  const best: Neighbour[] = [];
  let compared = 0;

  function offer(neighbour: Neighbour): void {
    const worst = best.at(-1);
    if (best.length === k && worst !== undefined && neighbour.similarity <= worst.similarity) return;
    const place = best.findIndex(({ similarity }) => similarity < neighbour.similarity);
    best.splice(place < 0 ? best.length : place, 0, neighbour);
    best.length = Math.min(best.length, k);
  }

  return {
    nearest: () => best,
    compared: () => compared,
    async add(shard) {
      let start = 0;
      for (const rows of shard.groups) {
        const group = await shard.read({ columns: ['features', 'label'], start, end: start + rows });
        start += rows;
        for (const { key, features, label } of group) {
          if (features === null) continue;
          compared += 1;
          const length = Math.sqrt(dot(features, features)) * norm;
          offer({ key, label, similarity: length > 0 ? dot(query, features) / length : 0 });
        }
      }
    },
  };
}

/** Dot product, summed in float64. */
function dot(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`Expected features of ${a.length} numbers, received ${b.length}.`);
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
