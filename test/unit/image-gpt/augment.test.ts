import { describe, expect, it } from 'vitest';
import { augmentedPixels } from '../../../lib/image-gpt/augment.ts';
import { createRandom } from '../../../lib/image-gpt/random.ts';

/** A generator with the given draws: x, y, flip. */
function draws(...values: number[]): () => number {
  return () => values.shift() ?? 0;
}

/** The draw that gives `shift`, from -pad to +pad. */
const shiftDraw = (shift: number, pad: number): number => (shift + pad + 0.5) / (2 * pad + 1);

describe('augmented pixels', () => {
  it('without shift and flip are the picture itself', () => {
    const pixels = augmentedPixels(8, 8, draws(shiftDraw(0, 1), shiftDraw(0, 1), 0.9));

    expect([...pixels]).toEqual(Array.from({ length: 64 }, (_, i) => i));
  });

  it('are mirrored by a flip', () => {
    const pixels = augmentedPixels(8, 8, draws(shiftDraw(0, 1), shiftDraw(0, 1), 0.1));

    expect([...pixels.subarray(0, 8)]).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it('reflect at the edge without repeating it, like numpy.pad with mode reflect', () => {
    const left = augmentedPixels(8, 8, draws(shiftDraw(-1, 1), shiftDraw(0, 1), 0.9));
    const right = augmentedPixels(8, 8, draws(shiftDraw(1, 1), shiftDraw(0, 1), 0.9));
    const up = augmentedPixels(8, 8, draws(shiftDraw(0, 1), shiftDraw(-1, 1), 0.9));

    expect([...left.subarray(0, 8)]).toEqual([1, 0, 1, 2, 3, 4, 5, 6]);
    expect([...right.subarray(0, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 6]);
    expect([...up.subarray(0, 8)]).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
  });

  it('have every shift up to 4 pixels at 32x32, and no larger one', () => {
    const random = createRandom(1, 2);
    const corners = new Set(Array.from({ length: 5000 }, () => augmentedPixels(32, 32, random)[0]));
    // Row and column of the first pixel: 9 x 9 shifts, where -k and k reflect to the same pixel, and flips from the right edge.
    const rows = new Set([...corners].map((corner) => Math.floor((corner ?? 0) / 32)));

    expect([...rows].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  });
});
