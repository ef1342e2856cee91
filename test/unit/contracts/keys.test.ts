import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  hasLongResultKey,
  inputKey,
  inputKeyOf,
  isOutcomeKey,
  modelId,
  resultKey,
  resultPrefix,
} from '../../../lib/contracts/keys.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Any valid key of a bucket. */
const keys = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }).filter((key) => key.isWellFormed());

describe('result keys', () => {
  test('consist of the model’s prefix, the input key and .json', () => {
    expect(resultKey('nano-1', 'cats/a b.jpg', sha256)).toBe('results/nano-1/cats/a b.jpg.json');
  });

  test('can be turned back into the input key', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const result = resultKey('nano-1', key, sha256);
        if (!hasLongResultKey('nano-1', key)) expect(inputKeyOf('nano-1', result)).toBe(key);
      }),
    );
  });

  test('of different keys are different', () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        if (a !== b) expect(resultKey('nano-1', a, sha256)).not.toBe(resultKey('nano-1', b, sha256));
      }),
    );
  });

  test('have at most 1,024 bytes: a longer one becomes a hash of the input key', () => {
    // 1,024 bytes minus 'results/nano-1/' (15) and '.json' (5).
    expect(resultKey('nano-1', 'x'.repeat(1004), sha256)).toBe(`results/nano-1/${'x'.repeat(1004)}.json`);
    expect(resultKey('nano-1', 'x'.repeat(1005), sha256)).toBe(`results-long/nano-1/${sha256('x'.repeat(1005))}.json`);
  });

  test('are measured in bytes, not characters', () => {
    // A Chinese character has three bytes, the cat four.
    expect(hasLongResultKey('nano-1', '猫'.repeat(334))).toBe(false);
    expect(hasLongResultKey('nano-1', '猫'.repeat(335))).toBe(true);
    expect(hasLongResultKey('nano-1', '🐈'.repeat(251))).toBe(false);
    expect(hasLongResultKey('nano-1', '🐈'.repeat(252))).toBe(true);
  });

  test('of other models and other files have no input key', () => {
    expect(inputKeyOf('nano-1', 'results/nano-10/a.jpg.json')).toBeUndefined();
    expect(inputKeyOf('nano-1', 'results/nano-1/readme.txt')).toBeUndefined();
    expect(inputKeyOf('nano-1', 'results/nano-1/.json')).toBeUndefined();
    expect(inputKeyOf('nano-1', `${resultPrefix('nano-1')}a.json`)).toBe('a');
  });
});

describe('input keys', () => {
  test('of 1 to 1,024 bytes are valid', () => {
    expect(inputKey.safeParse('é'.repeat(512)).success).toBe(true);
    expect(inputKey.safeParse('é'.repeat(513)).success).toBe(false);
    expect(inputKey.safeParse('').success).toBe(false);
  });

  test('with half a character are refused, because encoding would change them', () => {
    expect(inputKey.safeParse('a\ud800').success).toBe(false);
  });
});

test('a model id is a single path segment, and never . or ..', () => {
  expect(modelId.safeParse('igpt-nano-0a1b2c3d4e5f').success).toBe(true);
  for (const id of ['', '.', '..', 'a/b', 'a b', 'ä', 'x'.repeat(129)])
    expect(modelId.safeParse(id).success).toBe(false);
});

describe('keys of outcomes, of any stack,', () => {
  test.each([
    'results/igpt-nano-124872f4c43d/cat.jpg.json',
    'results/igpt-nano-124872f4c43d/results/other-0123456789ab/cat.jpg.json.json',
    'results/a.b_c-0123456789ab/line\nbreak.json',
    'results/0-0123456789ab/x.json',
    `results-long/igpt-nano-124872f4c43d/${'0f'.repeat(32)}.json`,
  ])('%j is one', (key) => {
    expect(isOutcomeKey(key)).toBe(true);
  });

  test.each([
    'cat.jpg',
    'results/cat.jpg',
    'results/2024-01/cat.json',
    'results/igpt-nano-124872f4c43/cat.jpg.json',
    'results/igpt-nano-124872F4C43D/cat.jpg.json',
    'results/igpt-nano-124872f4c43d/cat.jpg',
    'results/igpt-nano-124872f4c43d/.json',
    'results/124872f4c43d/cat.json',
    'my/results/igpt-nano-124872f4c43d/cat.jpg.json',
    'results-longer/igpt-nano-124872f4c43d/cat.jpg.json',
  ])('%j is none', (key) => {
    expect(isOutcomeKey(key)).toBe(false);
  });

  test('are all those that resultKey makes for the id of a model', () => {
    const id = 'igpt-nano-124872f4c43d';
    for (const key of ['a', 'a.json', 'x'.repeat(1024), '猫/犬.png']) {
      expect(isOutcomeKey(resultKey(id, key, (text) => createHash('sha256').update(text).digest('hex')))).toBe(true);
    }
  });
});
