import { expect, test } from 'vitest';
import { createRandom } from '../../../lib/image-gpt/random.ts';
import { type SamplingOptions, sampleToken } from '../../../lib/image-gpt/sampling.ts';

/** Logits of the probabilities 0.1, 0.4, 0.2, 0.3. */
const logits = Float32Array.from([0.1, 0.4, 0.2, 0.3], Math.log);

/** Tokens of evenly spread draws. In order of probability the tokens are 1, 3, 2, 0. */
function choices(options: SamplingOptions, draws = [0, 0.39, 0.41, 0.69, 0.71, 0.89, 0.91, 0.999]): number[] {
  return draws.map((draw) => sampleToken(logits, options, () => draw));
}

test('a draw picks the token in whose interval of probability it falls', () => {
  expect(choices({})).toEqual([1, 1, 3, 3, 2, 2, 0, 0]);
});

test('temperature 0 takes the most probable token, the lowest among equals, without drawing', () => {
  const never = () => {
    throw new Error('drawn');
  };
  expect(sampleToken(logits, { temperature: 0 }, never)).toBe(1);
  expect(sampleToken(Float32Array.of(1, 5, 5), { temperature: 0 }, never)).toBe(1);
});

test('temperature 0.5 squares the probabilities', () => {
  // 0.16, 0.09, 0.04, 0.01 of 0.30: limits at 0.533, 0.833, 0.967
  expect(choices({ temperature: 0.5 }, [0.53, 0.54, 0.83, 0.84, 0.96, 0.97])).toEqual([1, 3, 3, 2, 2, 0]);
});

test('top-k keeps the k most probable tokens in their proportion', () => {
  // 0.4 and 0.3 of 0.7: limit at 0.571
  expect(choices({ topK: 2 }, [0, 0.57, 0.58, 0.999])).toEqual([1, 1, 3, 3]);
  expect(choices({ topK: 1 })).toEqual(Array(8).fill(1));
  expect(choices({ topK: 100 })).toEqual(choices({}));
  expect(choices({ topK: 0 })).toEqual(choices({}));
});

test('top-p keeps the fewest most probable tokens that reach p', () => {
  expect(choices({ topP: 0.39 })).toEqual(Array(8).fill(1));
  expect(new Set(choices({ topP: 0.5 }))).toEqual(new Set([1, 3]));
  expect(new Set(choices({ topP: 0.75 }))).toEqual(new Set([1, 3, 2]));
  expect(choices({ topP: 1e-9 })).toEqual(Array(8).fill(1));
});

test('top-p applies after top-k', () => {
  // 0.4 of 0.7 is 0.571: one token reaches 0.57
  expect(choices({ topK: 2, topP: 0.57 })).toEqual(Array(8).fill(1));
  expect(new Set(choices({ topK: 2, topP: 0.58 }))).toEqual(new Set([1, 3]));
});

test('among equally probable tokens the lower index is kept', () => {
  const equal = Float32Array.of(0, 0, 0, 0);
  expect(sampleToken(equal, { topK: 2 }, () => 0.999)).toBe(1);
});

test('large logits do not overflow', () => {
  expect(sampleToken(Float32Array.of(1e30, -1e30), {}, () => 0.999)).toBe(0);
});

test('frequencies follow the probabilities', () => {
  const random = createRandom(1, 0);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 10_000; i++) counts[sampleToken(logits, {}, random)]!++;
  for (const [token, probability] of [0.1, 0.4, 0.2, 0.3].entries()) {
    expect(Math.abs(counts[token]! / 10_000 - probability)).toBeLessThan(0.025);
  }
});
