import { describe, expect, it } from 'vitest';
import { flattenAlpha } from '../../../lib/image-gpt/flatten-alpha.ts';

describe('flattenAlpha', () => {
  it('gives white for alpha 0, and the value itself for alpha 255', () => {
    expect([...flattenAlpha(Uint8Array.of(1, 2, 3, 0, 1, 2, 3, 255))]).toEqual([255, 255, 255, 1, 2, 3]);
  });

  it('rounds the exact value to the nearest level, for every value and alpha', () => {
    // [256, 256, 4]
    const rgba = Uint8Array.from({ length: 256 * 256 * 4 }, (_, i) => {
      const alpha = i >> 10;
      const value = (i >> 2) & 255;
      return i % 4 === 3 ? alpha : value;
    });
    const expected = Uint8Array.from({ length: 256 * 256 * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3);
      const [alpha, value] = [pixel >> 8, pixel & 255];
      return Math.round((value * alpha + 255 * (255 - alpha)) / 255);
    });
    expect(flattenAlpha(rgba)).toEqual(expected);
  });

  it('keeps the channels separate', () => {
    // Half of 0, 100 and 200, rounded, over 127 of white
    expect([...flattenAlpha(Uint8Array.of(0, 100, 200, 128))]).toEqual([127, 177, 227]);
  });

  it('gives no pixels for no pixels', () => {
    expect(flattenAlpha(new Uint8Array(0))).toHaveLength(0);
  });
});
