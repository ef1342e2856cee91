import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { comparePrecision, cosine } from '../../../lib/runtime/compare-precision.ts';
import { randomTokens, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

test('the cosine of [1, 0] and [1, 1] is sqrt(1/2)', () => {
  expect(cosine(Float32Array.of(1, 0), Float32Array.of(1, 1))).toBeCloseTo(Math.SQRT1_2, 12);
});

test('a model agrees completely with itself', async () => {
  await using tiny = await tinyCheckpoint();
  const checkpoint = await openCheckpoint(tiny.directory);
  const pictures = [1, 2, 3].map((seed) => randomTokens(seed, 16, 8));
  const done: number[] = [];
  const report = await comparePrecision(checkpoint, checkpoint, pictures, (count) => done.push(count));
  expect(report).toMatchObject({ pictures: 3, top1Agreement: 1, likelihoodShift: { mean: 0, largest: 0 } });
  expect(report.featureCosines).toHaveLength(3);
  for (const found of report.featureCosines) expect(found).toBeCloseTo(1, 12);
  expect(done).toEqual([1, 2, 3]);
});

test('a model with other weights does not agree', async () => {
  await using one = await tinyCheckpoint({ seed: 1 });
  await using two = await tinyCheckpoint({ seed: 2 });
  const pictures = Array.from({ length: 8 }, (_, seed) => randomTokens(seed, 16, 8));
  const report = await comparePrecision(
    await openCheckpoint(one.directory),
    await openCheckpoint(two.directory),
    pictures,
  );
  expect(report.top1Agreement).toBeLessThan(1);
  expect(report.likelihoodShift?.largest).toBeGreaterThan(0.1);
  expect(Math.min(...report.featureCosines)).toBeLessThan(0.9);
});

test.each([
  ['a model without a class head', 'top1Agreement', { classes: 0 }],
  ['a BERT model', 'likelihoodShift', { objective: 'bert' }],
] as const)('%s has no %s', async (_, missing, options) => {
  await using tiny = await tinyCheckpoint(options);
  const checkpoint = await openCheckpoint(tiny.directory);
  const report = await comparePrecision(checkpoint, checkpoint, [randomTokens(1, 16, 8)]);
  expect(report[missing]).toBeUndefined();
  expect(report.pictures).toBe(1);
});
