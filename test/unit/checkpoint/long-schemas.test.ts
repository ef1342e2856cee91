import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { longList, longMap } from '../../../lib/checkpoint/long-schemas.ts';

describe('a long list', () => {
  it('gives its items', () => {
    expect(longList(z.coerce.number()).parse(['1', 2])).toEqual([1, 2]);
  });

  it('has one issue, that of the first wrong item', () => {
    const { error } = longList(longList(z.number())).safeParse([[1], [2, 'x', 'y'], ['z']]);
    expect(error?.issues).toMatchObject([{ path: [1, 1], message: expect.stringContaining('expected number') }]);
  });

  it('must be a list', () => {
    expect(longList(z.number()).safeParse({}).success).toBe(false);
  });
});

describe('a long map', () => {
  it('gives its entries', () => {
    expect(longMap(z.number()).parse({ a: 1, b: 2 })).toEqual({ a: 1, b: 2 });
  });

  it('has one issue, that of the first wrong value or name', () => {
    const schema = longMap(z.string(), z.string().regex(/^\d+$/));

    expect(schema.safeParse({ 0: 'a', 1: 2, 3: 4 }).error?.issues).toMatchObject([{ path: ['1'] }]);
    expect(schema.safeParse({ a: 'x', b: 'y' }).error?.issues).toMatchObject([{ path: ['a'] }]);
  });

  it('must be a map', () => {
    expect(longMap(z.number()).safeParse([1]).success).toBe(false);
  });
});
