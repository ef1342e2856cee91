import { expect, it } from 'vitest';
import { classReading } from '../../../lib/checkpoint/class-function.ts';

it.each([
  [undefined, 3, 'softmax'],
  [undefined, 1, 'sigmoid'],
  ['single_label_classification', 2, 'softmax'],
  ['multi_label_classification', 3, 'sigmoid'],
  ['multi_label_classification', 1, 'sigmoid'],
] as const)('problem_type %s with %i labels takes a %s', (problem, labels, expected) => {
  expect(classReading(problem, labels)).toEqual({ function: expected });
});

it.each([
  ['regression', 1, /problem_type regression/],
  ['regression', 3, /problem_type regression/],
  ['single_label_classification', 1, /with one label, which transformers refuses/],
] as const)('problem_type %s with %i labels gives no classes', (problem, labels, reason) => {
  expect(classReading(problem, labels)).toEqual({ refused: expect.stringMatching(reason) });
});
