import { createRandom } from '../../image-gpt/random.ts';
import { shuffle } from './split.ts';

/** Keeps these draws apart from those of everything else with the same seed ("some"). */
const SOME_STREAM = 0x736f6d65;

/** At most `most` of `rows`, ascending, drawn by the seed: rows are often sorted by class. */
export function someRows(rows: Uint32Array, most: number, seed: number): Uint32Array {
  if (rows.length <= most) return rows;
  const drawn = Uint32Array.from(rows);
  shuffle(drawn, createRandom(seed, SOME_STREAM));
  return drawn.slice(0, most).sort();
}
