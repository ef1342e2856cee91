import { describe, expect, it } from 'vitest';
import { cholesky } from '../../../../lib/training/probe/cholesky.ts';

describe('a Cholesky factorisation', () => {
  it('solves a system', () => {
    // [[4, 2], [2, 3]] times [1, 2] is [8, 8]; the upper half is not read.
    const b = Float64Array.of(8, 8);
    cholesky(Float64Array.of(4, Number.NaN, 2, 3), 2)(b);

    expect([...b]).toEqual([expect.closeTo(1, 12), expect.closeTo(2, 12)]);
  });

  it('stays finite when a column repeats another', () => {
    const b = Float64Array.of(1, 1);
    cholesky(Float64Array.of(1, 1, 1, 1), 2)(b);

    expect(b.every(Number.isFinite)).toBe(true);
  });
});
