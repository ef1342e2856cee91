import { expect, test } from 'vitest';
import { nearest } from '../../../lib/cli/nearest.ts';

const FLAGS = ['--out', '--outputs', '--model', '--watch', '--retry-failed', '--temperature', '--top-k', '--top-p'];

test.each([
  ['--modle', '--model'],
  ['-model', '--model'],
  ['--wach', '--watch'],
  ['--retry', '--retry-failed'],
  ['--temp', '--temperature'],
  ['--output', '--outputs'],
  ['--ou', '--out'],
  ['--topk', '--top-k'],
  ['--Watch', '--watch'],
])('%s was meant to be %s', (word, meant) => {
  expect(nearest(word, FLAGS)).toBe(meant);
});

test('names nothing when nothing is near', () => {
  expect(nearest('--zzzzzz', FLAGS)).toBeUndefined();
  expect(nearest('-x', FLAGS)).toBeUndefined();
  expect(nearest('--anything', [])).toBeUndefined();
});
