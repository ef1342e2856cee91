import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { ImageGptModel } from '../../../lib/graph/forward-graph.ts';
import { complete } from '../../../lib/runtime/complete.ts';
import { randomTokens, type TinyCheckpoint, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

const n = 16;
let checkpoint: TinyCheckpoint;
let model: ImageGptModel;
beforeAll(async () => {
  checkpoint = await tinyCheckpoint();
  model = await openCheckpoint(checkpoint.directory);
});
afterAll(() => checkpoint[Symbol.asyncDispose]());

const pictures = randomTokens(1, 3 * n, 8);

test('given tokens stay, the others are sampled', async () => {
  const completed = await complete(model, pictures, { keep: 8, samples: 2 });
  expect(completed.length).toBe(3 * 2 * n);
  for (let i = 0; i < 6; i++) {
    const picture = Math.floor(i / 2);
    expect(completed.subarray(i * n, i * n + 8)).toEqual(pictures.subarray(picture * n, picture * n + 8));
  }
  expect(completed.every((token) => token < 8)).toBe(true);
  expect(completed.subarray(0, n)).not.toEqual(completed.subarray(n, 2 * n));
});

test('the same seed gives the same samples, another seed others', async () => {
  const options = { keep: 4, samples: 2, seed: 7 };
  const completed = await complete(model, pictures, options);
  expect(await complete(model, pictures, options)).toEqual(completed);
  expect(await complete(model, pictures, { ...options, seed: 8 })).not.toEqual(completed);
});

test('a sample does not depend on the number of samples or on other pictures', async () => {
  const many = await complete(model, pictures, { keep: 4, samples: 11 });
  for (const samples of [1, 2, 5]) {
    const few = await complete(model, Uint16Array.of(...randomTokens(2, 2 * n, 8), ...pictures.subarray(2 * n)), {
      keep: 4,
      samples,
    });
    expect(few.subarray(2 * samples * n)).toEqual(many.subarray(2 * 11 * n, (2 * 11 + samples) * n));
    const alone = await complete(model, pictures.slice(0, n), { keep: 4, samples });
    expect(alone).toEqual(many.subarray(0, samples * n));
  }
});

test('rows of equal tokens get different samples, also without given tokens', async () => {
  const completed = await complete(model, new Uint16Array(2 * n), { keep: 0, samples: 2 });
  const sequences = [0, 1, 2, 3].map((i) => completed.subarray(i * n, (i + 1) * n).join());
  expect(new Set(sequences).size).toBe(4);
});

test('temperature 0 and top-k 1 both give the likeliest sample', async () => {
  const options = { keep: 4, samples: 2 };
  const greedy = await complete(model, pictures, { ...options, temperature: 0 });
  expect(greedy.subarray(0, n)).toEqual(greedy.subarray(n, 2 * n));
  expect(await complete(model, pictures, { ...options, topK: 1 })).toEqual(greedy);
});

test.each([0, 15])('%d of 16 tokens can be given', async (keep) => {
  const completed = await complete(model, pictures, { keep, samples: 1 });
  for (const picture of [0, 1, 2]) {
    const at = picture * n;
    expect(completed.subarray(at, at + keep)).toEqual(pictures.subarray(at, at + keep));
  }
});

test('if all tokens are given, they are returned', async () => {
  expect(await complete(model, pictures, { keep: n, samples: 1 })).toEqual(pictures);
});

test('progress counts the sampled tokens up to their total', async () => {
  const seen: [number, number][] = [];
  await complete(model, pictures, { keep: 14, samples: 3, onProgress: (done, total) => seen.push([done, total]) });
  expect(seen).toEqual([
    [8, 18],
    [16, 18],
    [17, 18],
    [18, 18],
  ]);
});

test('tokens beyond the palette are refused', async () => {
  await expect(complete(model, new Uint16Array(n).fill(8), { keep: 4, samples: 1 })).rejects.toMatchObject({
    code: 'input_invalid',
  });
});
