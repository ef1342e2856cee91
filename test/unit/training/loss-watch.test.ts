import { describe, expect, test } from 'vitest';
import { createLossWatch } from '../../../lib/training/loss-watch.ts';

const ok = (loss: number) => ({ loss, gradientNorm: 1 });

describe('createLossWatch', () => {
  test.each([
    { loss: Number.NaN, gradientNorm: 1 },
    { loss: Number.POSITIVE_INFINITY, gradientNorm: 1 },
    { loss: 1, gradientNorm: Number.NaN },
  ])('stops at loss $loss and gradient norm $gradientNorm', (losses) => {
    expect(() => createLossWatch(1).check(7, losses)).toThrow(
      expect.objectContaining({ code: 'training_diverged', message: expect.stringContaining('diverged at step 7') }),
    );
  });

  test('stops at a loss that leaps above the last losses', () => {
    const recent = new Array<number>(20).fill(2);
    expect(() => createLossWatch(1, recent).check(21, ok(2.9))).not.toThrow();
    expect(() => createLossWatch(1, recent).check(21, ok(3.1))).toThrow(
      /a loss of 3\.100, after a mean of 2\.000 over 20 steps; .* or resume with a larger --leap$/,
    );
  });

  test('accepts any loss in the first steps, and a loss that always varies much', () => {
    const early = createLossWatch(1);
    early.check(1, ok(1));
    early.check(2, ok(50));
    const wild = createLossWatch(1);
    for (let step = 1; step <= 100; step++) wild.check(step, ok(step % 2 === 0 ? 1 : 5));
    expect(() => wild.check(101, ok(9))).not.toThrow();
  });

  test('never stops at a leap when it is Infinity, and resumes from saved losses', () => {
    const watch = createLossWatch(Number.POSITIVE_INFINITY);
    for (let step = 1; step <= 130; step++) watch.check(step, ok(2));
    expect(() => watch.check(131, ok(900))).not.toThrow();
    expect(watch.recent).toHaveLength(100);
    expect(() => createLossWatch(1, new Array(30).fill(2)).check(31, ok(4))).toThrow(/leaps|after a mean of 2\.000/);
  });
});
