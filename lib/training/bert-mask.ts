import { createRandom, type Random } from '../image-gpt/random.ts';

/** Share of masked tokens (paper, section 2.1). OpenAI's code keeps a token when its draw is above this. */
const maskedShare = 0.15;

/** Most masks per picture. Each has a random stream of its own; one more would reuse the next picture's. */
export const mostMasks = 64;

/**
 * BERT mask [rows, n] of pictures, 1 = masked. A picture's mask depends on its row only.
 *
 * @param draw which of a picture's masks, 0 to mostMasks - 1
 */
export function bertMask(rows: ArrayLike<number>, n: number, seed: number, draw: number): Uint8Array {
  const mask = new Uint8Array(rows.length * n);
  for (let i = 0; i < rows.length; i++) {
    mask.set(drawMask(n, createRandom(seed, (rows[i] ?? 0) * mostMasks + draw)), i * n);
  }
  return mask;
}

/** BERT mask of `length` tokens, 1 = masked, with one draw per token. */
export function drawMask(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => (random() > maskedShare ? 0 : 1));
}
