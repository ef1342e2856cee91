import { describe, expect, it } from 'vitest';
import { bertMask } from '../../../lib/training/bert-mask.ts';

describe('a BERT mask', () => {
  it('hides about 15 % of the tokens', () => {
    const mask = bertMask([0, 1, 2, 3], 10_000, 1, 0);

    expect(mask.reduce((a, b) => a + b, 0) / mask.length).toBeCloseTo(0.15, 2);
  });

  it('hides at least one token of every picture, at any position', () => {
    const [pictures, n] = [20_000, 4];
    const masks = bertMask(
      Array.from({ length: pictures }, (_, i) => i),
      n,
      1,
      0,
    );
    const hidden = Array.from({ length: pictures }, (_, i) => masks.subarray(i * n, (i + 1) * n));
    // 0.85^4 = 52 % of the draws hide nothing; they hide each of the four positions equally often instead.
    expect(hidden.every((mask) => mask.includes(1))).toBe(true);
    for (let at = 0; at < n; at++) {
      const share = hidden.filter((mask) => mask[at] === 1).length / pictures;
      expect(share).toBeCloseTo(0.15 + 0.85 ** 4 / 4, 1.7);
    }
  });

  it('depends on the picture, the draw and the seed only', () => {
    const alone = bertMask([7], 100, 1, 0);

    expect(bertMask([3, 7], 100, 1, 0).subarray(100)).toEqual(alone);
    expect(bertMask([8], 100, 1, 0)).not.toEqual(alone);
    expect(bertMask([7], 100, 1, 1)).not.toEqual(alone);
    expect(bertMask([7], 100, 2, 0)).not.toEqual(alone);
  });
});
