import { describe, expect, test } from 'vitest';
import { learningRateAt } from '../../../lib/training/learning-rate.ts';

describe('learningRateAt', () => {
  test('rises in equal steps to the peak at the end of the warm-up', () => {
    const rate = { peak: 8, schedule: 'constant', warmup: 4, steps: 10 } as const;
    expect([1, 2, 3, 4, 5, 10].map((step) => learningRateAt(step, rate))).toEqual([2, 4, 6, 8, 8, 8]);
  });

  test('falls along a cosine from the peak, to one half after half the steps, and stays above 0', () => {
    const rate = { peak: 2, schedule: 'cosine', warmup: 2, steps: 10 } as const;
    expect(learningRateAt(3, rate)).toBe(2);
    expect(learningRateAt(7, rate)).toBeCloseTo(1, 12);
    expect(learningRateAt(10, rate)).toBeCloseTo(1 + Math.cos((7 / 8) * Math.PI), 12);
  });

  test('is the peak from the first step without a warm-up', () => {
    expect(learningRateAt(1, { peak: 3, schedule: 'cosine', warmup: 0, steps: 1 })).toBe(3);
  });
});
