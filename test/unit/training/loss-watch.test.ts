import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createLossWatch } from '../../../lib/training/loss-watch.ts';

/** Losses by training: from scratch and from igpt-nano, with different learning rates, warm-ups and batches. */
const recorded = z
  .record(z.string(), z.array(z.number()))
  .parse(JSON.parse(readFileSync(new URL('../../fixtures/training-losses.json', import.meta.url), 'utf8')));

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
    expect(() => createLossWatch(1, 0, recent).check(21, ok(2.9))).not.toThrow();
    expect(() => createLossWatch(1, 0, recent).check(21, ok(3.1), 10)).toThrow(
      /a loss of 3\.100, after a mean of 2\.000 over 20 steps; earlier checkpoints are intact: .* or resume with a larger --leap$/,
    );
  });

  test('stops in the first steps at a loss above the first one by the leap and a factor of 3', () => {
    const first = (loss: number, leap = 1) => {
      const watch = createLossWatch(leap);
      watch.check(1, ok(loss));
      return watch;
    };
    expect(() => first(3.67).check(2, ok(1162.25))).toThrow(
      /diverged at step 2: a loss of 1162\.250, after 3\.670 at step 1; no checkpoint was saved yet: start again with .* or a larger --leap$/,
    );
    expect(() => first(2).check(2, ok(6))).not.toThrow();
    expect(() => first(2).check(2, ok(6.1))).toThrow();
    // Three times a small loss is no leap of a nat.
    expect(() => first(0.2).check(2, ok(1.2))).not.toThrow();
    expect(() => first(0.2).check(2, ok(1.21))).toThrow();
    expect(() => first(2, 50).check(2, ok(51))).not.toThrow();
    // A floor, for batches so small that the first may be of plain pictures.
    expect(() => createLossWatch(1, 6.24, [0.5]).check(2, ok(6.2))).not.toThrow();
    expect(() => createLossWatch(1, 6.24, [0.5]).check(2, ok(6.3))).toThrow();
    // Also when it resumes among the first steps.
    expect(() => createLossWatch(1, 0, [2, 2.1, 2.2]).check(4, ok(6.1))).toThrow(/after 2\.000 at step 1/);
    expect(() => createLossWatch(1).check(1, ok(1e6))).not.toThrow();
  });

  test.each([
    { leaps: [2], loss: 10 },
    { leaps: [20], loss: 10 },
    { leaps: [3, 4, 5, 6, 7], loss: 9 },
    { leaps: [2, 9, 19], loss: 11 },
  ])('a loss of $loss at the steps $leaps does not hide a later leap', ({ leaps, loss }) => {
    for (const later of [31, 40, 90, 105]) {
      const watch = createLossWatch(1);
      const usual = (step: number) => 3.67 + 0.05 * Math.cos(step);
      for (let step = 1; step < later; step++) watch.check(step, ok(leaps.includes(step) ? loss : usual(step)));
      expect(() => watch.check(later, ok(6))).toThrow(/after a mean of 3\.6\d\d over/);
      expect(() => watch.check(later, ok(4.4))).not.toThrow();
    }
  });

  test('takes a level that the loss stays at for the usual one, and accepts a loss that always varies much', () => {
    const level = createLossWatch(1);
    // Data in order, of two kinds.
    for (let step = 1; step <= 40; step++) level.check(step, ok(step <= 12 ? 1 : 2.5));
    const wild = createLossWatch(1);
    for (let step = 1; step <= 100; step++) wild.check(step, ok(step % 2 === 0 ? 2 : 5));
    expect(() => wild.check(101, ok(9))).not.toThrow();
  });

  test('up to the floor, high losses of the first steps may come again', () => {
    const until22 = (floor: number) => {
      const watch = createLossWatch(1, floor);
      // Batches of one picture: one in five is of another kind.
      for (let step = 1; step <= 22; step++) watch.check(step, ok(step % 5 === 3 ? 3 : 1));
      return watch;
    };
    expect(() => until22(12).check(23, ok(3))).not.toThrow();
    expect(() => until22(12).check(23, ok(12.1))).toThrow(/a loss of 12\.100, after a mean of 1\.000 over 18 steps/);
    expect(() => until22(0).check(23, ok(3))).toThrow();
  });

  test('never stops recorded trainings that did not diverge', () => {
    for (const [name, losses] of Object.entries(recorded)) {
      const watch = createLossWatch(1);
      losses.forEach((loss, i) => {
        expect(() => watch.check(i + 1, ok(loss)), `${name} at step ${i + 1}`).not.toThrow();
      });
    }
  });

  test('never stops at a leap when it is 0, and resumes from saved losses', () => {
    const watch = createLossWatch(0);
    for (let step = 1; step <= 130; step++) watch.check(step, ok(2));
    expect(() => watch.check(131, ok(900))).not.toThrow();
    expect(watch.recent).toHaveLength(100);
    expect(() => createLossWatch(1, 0, new Array(30).fill(2)).check(31, ok(4))).toThrow(/leaps|after a mean of 2\.000/);
  });
});
