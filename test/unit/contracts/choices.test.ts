import { expect, test } from 'vitest';
import { choice, outputName, precision } from '../../../lib/contracts/choices.ts';

test('the error of a choice names its values', () => {
  expect(choice(['gpu', 'cpu']).safeParse('tpu').error?.issues[0]?.message).toBe('expected gpu or cpu');
  expect(precision.safeParse('f64').error?.issues[0]?.message).toBe('expected f32, int8, int8-block or f16');
  expect(choice(['one']).safeParse('two').error?.issues[0]?.message).toBe('expected one');
});

test('an output is one of a list', () => {
  expect(outputName.safeParse('logits').error?.issues[0]?.message).toBe(
    'expected some of classification, features, likelihood, separated by commas',
  );
});
