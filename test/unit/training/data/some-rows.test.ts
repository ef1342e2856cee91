import { expect, test } from 'vitest';
import { someRows } from '../../../../lib/training/data/some-rows.ts';

test('takes at most so many rows, ascending, the same ones for a seed, from all over', () => {
  const rows = Uint32Array.from({ length: 100 }, (_, i) => 10 * i);
  const some = someRows(rows, 20, 1);
  expect(some).toEqual(someRows(rows, 20, 1));
  expect(new Set(some).size).toBe(20);
  expect([...some]).toEqual([...some].sort((a, b) => a - b));
  expect(some[0]).toBeLessThan(400);
  expect(some[19]).toBeGreaterThan(600);
  expect(someRows(rows, 20, 2)).not.toEqual(some);
  expect(someRows(rows, 100, 1)).toBe(rows);
});
