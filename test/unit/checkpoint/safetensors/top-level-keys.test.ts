import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topLevelKeys } from '../../../../lib/checkpoint/safetensors/top-level-keys.ts';

describe('topLevelKeys', () => {
  it('lists repeated keys as often as they stand', () => {
    expect(topLevelKeys('{"a": 1, "b": {"a": 2, "c": [{"d": 3}]}, "a": "b"}')).toEqual(['a', 'b', 'a']);
  });

  it('is not misled by strings that look like JSON', () => {
    expect(topLevelKeys(String.raw`{"{\"": ["},{", "x"], "y\\": "\\\"", "z": "a,b"}`)).toEqual(['{"', 'y\\', 'z']);
  });

  it('agrees with JSON.parse on every object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        expect(topLevelKeys(JSON.stringify(object)).sort()).toEqual(Object.keys(object).sort());
      }),
    );
  });
});
