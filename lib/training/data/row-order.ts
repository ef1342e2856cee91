import { createRandom } from '../../image-gpt/random.ts';
import { shuffle } from './split.ts';

/** Keeps the draws of the order apart from those of everything else with the same seed ("orde"). */
const ORDER_STREAM = 0x6f726465;

/** Rows `start` to `start + count` of an endless sequence: epoch after epoch, each with every row once. */
export type RowOrder = (start: number, count: number) => Uint32Array;

/**
 * The order that pictures are trained in. Each epoch is shuffled by the seed and its number alone, so that a place in
 * the sequence is all that has to be kept to go on from it.
 */
export function createRowOrder(rows: Uint32Array, seed: number, shuffled: boolean): RowOrder {
  let known: { epoch: number; rows: Uint32Array } | undefined;
  function rowsOf(epoch: number): Uint32Array {
    if (!shuffled) return rows;
    if (known?.epoch !== epoch) {
      known = { epoch, rows: Uint32Array.from(rows) };
      shuffle(known.rows, createRandom(seed ^ ORDER_STREAM, epoch));
    }
    return known.rows;
  }
  return (start, count) =>
    Uint32Array.from({ length: count }, (_, i) => {
      const at = start + i;
      return rowsOf(Math.floor(at / rows.length))[at % rows.length] ?? 0;
    });
}
