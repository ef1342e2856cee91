import { expect, test } from 'vitest';
import { isWithin } from '../../../lib/local/is-within.ts';

test('a folder holds itself and what is below it, and no neighbour whose name begins alike', () => {
  expect(isWithin('/a/b', '/a/b')).toBe(true);
  expect(isWithin('/a/b', '/a/b/c/d')).toBe(true);
  expect(isWithin('/', '/a')).toBe(true);
  expect(isWithin('/a/b', '/a/bc')).toBe(false);
  expect(isWithin('/a/b', '/a')).toBe(false);
});
