import { expect, test } from 'vitest';
import { labelledClasses } from '../../../lib/pipeline/labelled-classes.ts';

test('the likeliest classes come first, by label or else by number', () => {
  // e^0 : e^ln 3 = 1 : 3
  const classes = labelledClasses(Float32Array.of(0, Math.log(3)), ['cat'], 5);
  expect(classes.map(({ label, index }) => [label, index])).toEqual([
    ['class 1', 1],
    ['cat', 0],
  ]);
  expect(classes[0]?.probability).toBeCloseTo(0.75, 6);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])('a logit of %f fails the picture', (logit) => {
  expect(() => labelledClasses(Float32Array.of(0, logit), [], 1)).toThrow(
    expect.objectContaining({ code: 'inference_failed' }),
  );
});
