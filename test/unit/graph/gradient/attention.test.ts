import { describe, expect, test } from 'vitest';
import { attention, headGroups } from '../../../../lib/graph/gradient/attention.ts';
import { expectGradients } from '../../../support/finite-differences.ts';

describe.each([true, false])('attention, causal %s', (causal) => {
  test.each([
    ['all positions at once', { n: 6, n_head: 2, headSize: 4 }],
    ['one head', { n: 5, n_head: 1, headSize: 3 }],
    ['several blocks of queries', { n: 300, n_head: 2, headSize: 2 }],
    ['several groups of heads', { n: 1100, n_head: 4, headSize: 1 }],
  ])('%s', async (_, shape) => {
    const size = [shape.n, shape.n_head * shape.headSize];
    await expectGradients({ q: size, k: size, v: size }, (tape) => ({
      outputs: [{ value: attention(tape, 'q', 'k', 'v', { ...shape, causal }), shape: size }],
    }));
  });
});

test('heads go together as long as their scores are 4 MB: 256 queries x 1,024 keys x 4 heads', () => {
  const shape = { headSize: 64, causal: true };
  expect(headGroups({ ...shape, n: 1024, n_head: 8 })).toEqual([4, 4]);
  expect(headGroups({ ...shape, n: 256, n_head: 4 })).toEqual([4]);
  expect(headGroups({ ...shape, n: 4096, n_head: 3 })).toEqual([1, 1, 1]);
});
