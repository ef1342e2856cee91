import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { activations } from '../../../lib/image-gpt/activation.ts';
import { openDecoder } from '../../../lib/runtime/decode.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { distance, magnitude } from '../../support/golden.ts';
import { randomTokens, type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';
import { digest } from './digest.ts';

const cases: (TinyCheckpointOptions & { name: string })[] = [
  ...activations.map((name) => ({ name, config: { activation_function: name } })),
  { name: 'tiny', n_embd: 16, n_head: 2, size: 4, n_colors: 8 },
  { name: 'odd sizes', n_embd: 30, n_head: 5, size: 6, n_colors: 17 },
  { name: 'cache that grows', n_embd: 64, n_head: 2, size: 13, n_colors: 100 },
  { name: 'wide, OpenAI layout', layout: 'openai', n_embd: 256, n_head: 4, size: 9, n_colors: 512 },
];

/**
 * Logits of the samples at every position from `keep` on, [n - keep][batch], while the tokens of `pictures` [batch][n]
 * are fed.
 */
async function force(options: TinyCheckpointOptions, pictures: Uint16Array[], keep: number, threads = 1) {
  await using checkpoint = await tinyCheckpoint(options);
  const model = await openCheckpoint(checkpoint.directory);
  const { n_positions: n, n_colors } = model.config;
  const column = (from: number, to: number) =>
    Int32Array.from(pictures.flatMap((picture) => [...picture.subarray(from, to)]));
  const decoder = await openDecoder(model, { keep, batch: pictures.length, threads });
  const steps = [await decoder.prime(column(0, keep))];
  for (let place = keep; place + 1 < n; place++) steps.push(await decoder.step(column(place, place + 1)));
  await decoder.close();
  return steps.map((logits) => pictures.map((_, i) => logits.subarray(i * n_colors, (i + 1) * n_colors)));
}

function pictures({ size = 4, n_colors = 8 }: TinyCheckpointOptions, count: number): Uint16Array[] {
  return Array.from({ length: count }, (_, seed) => randomTokens(seed, size * size, n_colors));
}

describe.each(cases)('$name', (options) => {
  test('gives the logits of a pass over the whole picture', async () => {
    await using checkpoint = await tinyCheckpoint(options);
    const model = await openCheckpoint(checkpoint.directory);
    const { n_positions: n, n_colors } = model.config;
    const [first = new Uint16Array(), second = new Uint16Array()] = pictures(options, 2);
    const forward = await openForward(model, { logits: true });
    const whole = (await forward.execute(first)).get('logits')!.data;
    await forward.close();
    const steps = await force(options, [first, second], 3);
    const largest = magnitude(whole);
    for (const [i, logits] of steps.entries()) {
      const expected = whole.subarray((3 + i) * n_colors, (4 + i) * n_colors);
      expect(distance(logits[0]!, expected)).toBeLessThan(2e-5 * largest);
    }
    expect(steps.length).toBe(n - 3);
  });

  test('a sample’s bits do not depend on other samples, their number, its place among them, or threads', async () => {
    const all = pictures(options, 8);
    const digests = async (chosen: number[], threads = 1) =>
      (
        await force(
          options,
          chosen.map((i) => all[i]!),
          3,
          threads,
        )
      ).map((logits) => logits.map(digest));
    const eight = await digests([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const chosen of [
      [5, 0],
      [2, 2, 5],
      [7, 6, 5, 4],
      [1, 2, 3, 4, 5, 6, 7],
    ]) {
      expect(await digests(chosen)).toEqual(eight.map((step) => chosen.map((i) => step[i])));
    }
    for (const threads of [2, 4]) expect(await digests([0, 1, 2, 3, 4, 5, 6, 7], threads)).toEqual(eight);
  });
});

describe('the decoder refuses', () => {
  test.each([-1, 16, 0.5])('%d given tokens of 16', async (keep) => {
    await using checkpoint = await tinyCheckpoint();
    const model = await openCheckpoint(checkpoint.directory);
    await expect(openDecoder(model, { keep, batch: 2 })).rejects.toMatchObject({
      code: 'input_invalid',
      message: `Expected 0 to 15 given tokens, received ${keep}.`,
    });
  });

  test('a BERT model, a model without lm_head', async () => {
    await using bert = await tinyCheckpoint({ objective: 'bert' });
    await expect(openDecoder(await openCheckpoint(bert.directory), { keep: 0, batch: 2 })).rejects.toMatchObject({
      code: 'input_invalid',
    });
    await using headless = await tinyCheckpoint({ lmHead: false });
    await expect(openDecoder(await openCheckpoint(headless.directory), { keep: 0, batch: 2 })).rejects.toMatchObject({
      code: 'output_unavailable',
    });
  });

  test('a step before the first tokens, a step too many, the wrong number of tokens', async () => {
    await using checkpoint = await tinyCheckpoint();
    const model = await openCheckpoint(checkpoint.directory);
    const decoder = await openDecoder(model, { keep: 14, batch: 2 });
    await expect(decoder.step(Int32Array.of(0, 0))).rejects.toMatchObject({ code: 'input_invalid' });
    await expect(decoder.prime(new Int32Array(3))).rejects.toMatchObject({
      message: 'Expected 2 x 14 tokens, received 3.',
    });
    await decoder.prime(new Int32Array(28));
    await expect(decoder.step(Int32Array.of(0))).rejects.toMatchObject({ message: 'Expected 2 tokens, received 1.' });
    await expect(decoder.step(Int32Array.of(0, 8))).rejects.toMatchObject({ code: 'input_invalid' });
    await decoder.step(Int32Array.of(0, 0));
    await expect(decoder.step(Int32Array.of(0, 0))).rejects.toMatchObject({ code: 'input_invalid' });
    await decoder.close();
  });
});
