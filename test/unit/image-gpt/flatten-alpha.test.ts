import { describe, expect, it } from 'vitest';
import { flattenAlpha } from '../../../lib/image-gpt/flatten-alpha.ts';

describe('overWhite', () => {
  it('shows white where alpha is 0, and the value itself where it is 255', () => {
    expect([...flattenAlpha(Uint8Array.of(1, 2, 3, 0, 1, 2, 3, 255))]).toEqual([255, 255, 255, 1, 2, 3]);
  });

  it('is the exact share rounded to the nearest level, for every value and alpha', () => {
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

  it('keeps the three channels apart', () => {
    // Half of 0, 100 and 200, rounded, on 127 of white
    expect([...flattenAlpha(Uint8Array.of(0, 100, 200, 128))]).toEqual([127, 177, 227]);
  });

  it('makes nothing of no pixels', () => {
    expect(flattenAlpha(new Uint8Array(0))).toHaveLength(0);
  });
});
