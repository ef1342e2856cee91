import fc from 'fast-check';
import { expect, it } from 'vitest';
import { excessOf } from '../../../lib/checkpoint/bounded-json.ts';

it('lets pass what a checkpoint holds', () => {
  const palette = `{"clusters":[${'[-0.25,0.5,1e-3],'.repeat(65_535)}[0,0,0]]}`;
  for (const json of ['', '{}', '{"a":[[1,2],"x",null]}', palette]) expect(excessOf(json)).toBeUndefined();
});

it('counts levels, also of text that is not JSON', () => {
  expect(excessOf('['.repeat(64) + ']'.repeat(64))).toBeUndefined();
  expect(excessOf('['.repeat(65))).toBe('more than 64 levels');
  expect(excessOf('{"a":'.repeat(65))).toBe('more than 64 levels');
});

it('counts values', () => {
  expect(excessOf(`[${'0,'.repeat(399_997)}0]`)).toBeUndefined();
  expect(excessOf(`[${'0,'.repeat(400_000)}0]`)).toBe('more than 400000 values');
  expect(excessOf(`[${'{},'.repeat(200_000)}{}]`)).toBe('more than 400000 values');
});

it('ignores what strings hold', () => {
  expect(excessOf(JSON.stringify('[{,'.repeat(500_000)))).toBeUndefined();
  expect(excessOf(`["${String.raw`\"[`.repeat(100)}"]`)).toBeUndefined();
  expect(excessOf(String.raw`["\\",${'['.repeat(64)}`)).toBe('more than 64 levels');
});

it('lets pass any small JSON', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => excessOf(JSON.stringify(value)) === undefined));
});
