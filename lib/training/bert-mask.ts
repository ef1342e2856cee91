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
  return drawMasks(rows.length, n, (i) => createRandom(seed, (rows[i] ?? 0) * maxMasks + draw));
}

/**
 * BERT masks [pictures, n], 1 = masked; takes one draw for each token. Where no token is drawn, one more draw chooses the
 * one to mask: a picture with nothing masked has no loss.
 *
 * @param randomOf the numbers for a picture
 */
export function drawMasks(pictures: number, n: number, randomOf: (picture: number) => Random): Uint8Array {
  const masks = new Uint8Array(pictures * n);
  for (let picture = 0; picture < pictures; picture++) {
    const random = randomOf(picture);
    const mask = masks.subarray(picture * n, (picture + 1) * n);
    for (let i = 0; i < n; i++) mask[i] = random() > maskedShare ? 0 : 1;
    if (!mask.includes(1)) mask[Math.floor(random() * n)] = 1;
  }
  return masks;
}
