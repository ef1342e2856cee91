import { expect, test } from 'vitest';
import { keptTokens } from '../../../../lib/cli/verbs/complete.ts';

test.each([
  [0, 0],
  [0.5, 128],
  [0.999, 255],
  [1, 256],
  [2, 2],
  [256, 256],
])('--keep %d of 256 tokens keeps %d', (keep, kept) => {
  expect(keptTokens(keep, 256)).toBe(kept);
});

test.each([
  [0.29, 29],
  [0.57, 57],
  [0.299, 29],
])('--keep %d of 100 tokens keeps %d, whatever floats make of it', (keep, kept) => {
  expect(keptTokens(keep, 100)).toBe(kept);
});

test.each([1.5, 257, 100.5])('--keep %d of 256 tokens is refused with the range', (keep) => {
  expect(() => keptTokens(keep, 256)).toThrow(
    'expected a share from 0 to 1, or a whole number of tokens from 2 to 256',
  );
});
