import { expect, test } from 'vitest';
import { keepRange, keptTokens } from '../../../lib/image-gpt/kept-tokens.ts';

test.each([
  [0, 0],
  [0.5, 128],
  [0.999, 255],
  [1, 256],
  [2, 2],
  [256, 256],
])('keeping %d of 256 tokens gives %d', (keep, kept) => {
  expect(keptTokens(keep, 256)).toBe(kept);
});

test.each([
  [0.29, 29],
  [0.57, 57],
  [0.299, 29],
])('keeping %d of 100 tokens gives %d, whatever floats make of it', (keep, kept) => {
  expect(keptTokens(keep, 100)).toBe(kept);
});

test.each([1.5, 257, 100.5, -1, Number.NaN])('%d of 256 tokens is neither a share nor a number of tokens', (keep) => {
  expect(keptTokens(keep, 256)).toBeUndefined();
  expect(keepRange(256)).toBe('a share from 0 to 1, or a whole number of tokens from 2 to 256');
});
