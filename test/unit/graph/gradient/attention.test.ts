import { describe, expect, test } from 'vitest';
import { attention, headGroups } from '../../../../lib/graph/gradient/attention.ts';
import { expectGradients } from './finite-differences.ts';

describe.each([true, false])('attention, causal %s', (causal) => {
  test.each([
    ['all positions at once', { n: 6, n_embd: 8, n_head: 2 }],
    ['one head', { n: 5, n_embd: 3, n_head: 1 }],
    ['several blocks of queries', { n: 300, n_embd: 4, n_head: 2 }],
    ['several groups of heads', { n: 1100, n_embd: 4, n_head: 4 }],
  ])('%s', async (_, shape) => {
    const size = [shape.n, shape.n_embd];
    await expectGradients({ q: size, k: size, v: size }, (tape) => ({
      outputs: [{ value: attention(tape, 'q', 'k', 'v', { ...shape, causal }), shape: size }],
    }));
  });
});

test('heads are computed together while their scores fit 4 MB: 256 queries x 1,024 keys x 4 heads', () => {
  const groupsOf = (n: number, n_head: number) => headGroups({ n, n_embd: 64 * n_head, n_head, causal: true });
  expect(groupsOf(1024, 8)).toEqual([4, 4]);
  expect(groupsOf(256, 4)).toEqual([4]);
  expect(groupsOf(4096, 3)).toEqual([1, 1, 1]);
});
