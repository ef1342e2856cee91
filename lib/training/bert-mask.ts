import { createRandom, type Random } from '../image-gpt/random.ts';

/** Share of the tokens that are masked (iGPT paper, section 2.1). OpenAI's code keeps a token when its draw is above this. */
const maskedShare = 0.15;

/** Random streams of a picture's masks. More masks than this would share streams with the next picture. */
export const maxMasks = 64;

/**
 * BERT masks [rows, n] of pictures, 1 = masked. A picture's mask depends on its row, the seed and the draw only.
 *
 * @param draw which of a picture's masks, 0 to maxMasks - 1
 */
export function bertMask(rows: ArrayLike<number>, n: number, seed: number, draw: number): Uint8Array {
  const mask = new Uint8Array(rows.length * n);
  for (let i = 0; i < rows.length; i++) {
    mask.set(drawMask(n, createRandom(seed, (rows[i] ?? 0) * maxMasks + draw)), i * n);
  }
  return mask;
}

/** BERT mask [length], 1 = masked; takes one draw for each token. */
export function drawMask(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => (random() > maskedShare ? 0 : 1));
}
