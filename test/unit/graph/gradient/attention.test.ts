import { describe, expect, test } from 'vitest';
import { attention, headGroups } from '../../../../lib/graph/gradient/attention.ts';
import { expectGradients } from '../../../support/finite-differences.ts';

describe.each([true, false])('attention, causal %s', (causal) => {
  test.each([
    ['all positions at once', { n: 6, n_head: 2, headSize: 4 }],
    ['one head', { n: 5, n_head: 1, headSize: 3 }],
    ['several blocks of queries', { n: 300, n_head: 2, headSize: 2 }],
    ['several groups of heads', { n: 700, n_head: 4, headSize: 1 }],
  ])('%s', async (_, shape) => {
    const size = [shape.n, shape.n_head * shape.headSize];
    await expectGradients({ q: size, k: size, v: size }, (tape) => ({
      outputs: [{ value: attention(tape, 'q', 'k', 'v', { ...shape, causal }), shape: size }],
    }));
  });
});

test('heads go together as long as their scores are a megabyte: 128 queries x 700 keys x 2 heads', () => {
  expect(headGroups({ n: 700, n_head: 4, headSize: 1, causal: true })).toEqual([2, 2]);
  expect(headGroups({ n: 256, n_head: 4, headSize: 32, causal: true })).toEqual([4]);
  expect(headGroups({ n: 4096, n_head: 3, headSize: 64, causal: true })).toEqual([1, 1, 1]);
});
