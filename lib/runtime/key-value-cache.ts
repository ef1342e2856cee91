import type { ImageGptConfig } from '../image-gpt/config.ts';

/** Rows by which the cache grows: few rows waste little memory, many rows move the cache less often. */
const growth = 64;

/** Keys and values of every block for some samples, in buffers of the full size, which are never replaced. */
export interface KeyValueCache {
  /** Filled rows of each head. */
  readonly filled: number;
  /** Rows of each head in {@link KeyValueCache.buffers}, filled or not. */
  readonly capacity: number;
  /**
   * Alternately the keys and the values of each block, 2 x n_layer: [batch, n_head, capacity, dh] at the start of a
   * buffer.
   */
  buffers(): readonly Float32Array[];
  /** Empties the cache, with room for `rows` rows. */
  reset(rows: number): void;
  /** Writes the first `count` rows of one sample: [2 x n_layer, n_head, count, dh]. */
  writeSample(sample: number, rows: Float32Array, count: number): void;
  /** Marks the first `count` rows as filled. */
  fill(count: number): void;
  /** Appends one row of every sample: [2 x n_layer, batch, n_head, dh]. */
  append(rows: Float32Array): void;
}

/** It takes `batch` x 2 x n_layer x n x d x 4 bytes: 101 MB per sample for S, 604 MB for L. */
export function createKeyValueCache(config: ImageGptConfig, batch: number): KeyValueCache {
  const { n_layer, n_head, n_embd, n_positions } = config;
  const headSize = n_embd / n_head;
  const heads = batch * n_head;
  const buffers = Array.from({ length: 2 * n_layer }, () => new Float32Array(heads * n_positions * headSize));
  let filled = 0;
  let capacity = 0;

  function roundUp(rows: number): number {
    return Math.min(n_positions, Math.ceil(rows / growth) * growth);
  }

  /**
   * Moves every head to its offset with the larger capacity. The last head goes first, as old and new places overlap.
   */
  function grow(next: number): void {
    for (const buffer of buffers) {
      for (let head = heads - 1; head > 0; head--) {
        const from = head * capacity * headSize;
        buffer.copyWithin(head * next * headSize, from, from + filled * headSize);
      }
    }
    capacity = next;
  }

  return {
    get filled() {
      return filled;
    },
    get capacity() {
      return capacity;
    },
    buffers: () => buffers.map((buffer) => buffer.subarray(0, heads * capacity * headSize)),
    reset(rows) {
      filled = 0;
      capacity = roundUp(rows);
    },
    writeSample(sample, rows, count) {
      buffers.forEach((buffer, i) => {
        for (let head = 0; head < n_head; head++) {
          const from = (i * n_head + head) * count * headSize;
          const to = (sample * n_head + head) * capacity * headSize;
          buffer.set(rows.subarray(from, from + count * headSize), to);
        }
      });
    },
    fill(count) {
      filled = count;
    },
    append(rows) {
      if (filled === capacity) grow(roundUp(capacity + 1));
      buffers.forEach((buffer, i) => {
        for (let head = 0; head < heads; head++) {
          const from = (i * heads + head) * headSize;
          buffer.set(rows.subarray(from, from + headSize), (head * capacity + filled) * headSize);
        }
      });
      filled++;
    },
  };
}
