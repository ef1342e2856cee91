import { createRandom, type Random } from '../image-gpt/random.ts';

/** Share of the tokens that is hidden (paper section 2.1; OpenAI's code keeps a token when its draw is above this). */
const MASKED = 0.15;

/** Masks of a picture have streams of their own; more than these would meet the next picture's. */
export const MOST_MASKS = 64;

/**
 * BERT mask [rows, n] of pictures, 1 = masked: drawn for each picture by its row, so that it depends on nothing else.
 *
 * @param draw which of a picture's masks, 0 to MOST_MASKS - 1
 */
export function bertMask(rows: ArrayLike<number>, n: number, seed: number, draw: number): Uint8Array {
  const mask = new Uint8Array(rows.length * n);
  for (let i = 0; i < rows.length; i++) {
    mask.set(drawMask(n, createRandom(seed, (rows[i] ?? 0) * MOST_MASKS + draw)), i * n);
  }
  return mask;
}

/** BERT mask of `length` tokens, 1 = masked: one draw for each. */
export function drawMask(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => (random() > MASKED ? 0 : 1));
}
