import { describe, expect, it } from 'vitest';
import { bertMask } from '../../../lib/training/bert-mask.ts';

describe('a BERT mask', () => {
  it('hides about 15 % of the tokens', () => {
    const mask = bertMask([0, 1, 2, 3], 10_000, 1, 0);

    expect(mask.reduce((a, b) => a + b, 0) / mask.length).toBeCloseTo(0.15, 2);
  });

  it('depends on the picture, the draw and the seed only', () => {
    const alone = bertMask([7], 100, 1, 0);

    expect(bertMask([3, 7], 100, 1, 0).subarray(100)).toEqual(alone);
    expect(bertMask([8], 100, 1, 0)).not.toEqual(alone);
    expect(bertMask([7], 100, 1, 1)).not.toEqual(alone);
    expect(bertMask([7], 100, 2, 0)).not.toEqual(alone);
  });
});
