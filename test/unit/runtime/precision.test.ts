import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { planText, uniformPlan } from '../../../lib/checkpoint/derived/precision-plan.ts';
import { modelId } from '../../../lib/checkpoint/model-id.ts';
import { nameBeside } from '../../../lib/files/leftovers.ts';
import { complete } from '../../../lib/runtime/complete.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { finerPlan, inPrecision } from '../../../lib/runtime/precision.ts';
import { randomTokens, type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';
import { digest } from './digest.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'derived-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const shape: TinyCheckpointOptions = { n_embd: 64, n_head: 2, size: 18, n_colors: 64, classes: 5 };

/** Features of every layer, [L + 1, d] in one row, and class logits of one picture. */
async function outputs(checkpoint: Checkpoint): Promise<{ features: Float32Array; classes: Float32Array }> {
  const { n_layer, n_positions, n_colors } = checkpoint.config;
  const layers = Array.from({ length: n_layer + 1 }, (_, i) => i);
  const forward = await openForward(checkpoint, { features: { layers, norm: 'next', pool: 'mean' }, classes: true });
  const run = await forward.execute(randomTokens(5, n_positions, n_colors));
  await forward.close();
  return { features: run.get('features')!.data, classes: run.get('classes')!.data };
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe.each<[string, TinyCheckpointOptions]>([
  ['Hugging Face layout with biases', shape],
  ['OpenAI layout', { ...shape, layout: 'openai' }],
  ['BERT', { ...shape, objective: 'bert' }],
  ['sizes that fill no block', { ...shape, n_embd: 40, n_head: 5, size: 6 }],
])('%s', (_, options) => {
  test.each(['int8', 'int8-block', 'f16'] as const)('%s is close to f32', async (precision) => {
    await using tiny = await tinyCheckpoint(options);
    const checkpoint = await openCheckpoint(tiny.directory);
    const exact = await outputs(checkpoint);
    const other = await outputs((await inPrecision(checkpoint, precision, { folder })).checkpoint);
    expect(digest(other.features)).not.toBe(digest(exact.features));
    expect(cosine(other.features, exact.features)).toBeGreaterThan(0.999);
    expect(cosine(other.classes, exact.classes)).toBeGreaterThan(0.999);
  });
});

test('a derived file always has the same bytes, and is found again', async () => {
  await using tiny = await tinyCheckpoint(shape);
  const checkpoint = await openCheckpoint(tiny.directory);
  const first = await inPrecision(checkpoint, 'int8', { folder });
  const bytes = await readFile(first.derived!.path);
  await inPrecision(checkpoint, 'int8', { folder, again: true });
  expect(bytes.equals(await readFile(first.derived!.path))).toBe(true);
  expect((await inPrecision(checkpoint, 'int8', { folder })).derived!.path).toBe(first.derived!.path);
  expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('other weights have another file', async () => {
  await using one = await tinyCheckpoint({ ...shape, seed: 1 });
  await using two = await tinyCheckpoint({ ...shape, seed: 2 });
  const paths = [];
  for (const { directory } of [one, two]) {
    paths.push((await inPrecision(await openCheckpoint(directory), 'int8', { folder })).derived!.path);
  }
  expect(new Set(paths).size).toBe(2);
});

test.each(['f16', 'int8'] as const)('a damaged %s file is written again, and one line says so', async (precision) => {
  await using one = await tinyCheckpoint({ ...shape, seed: 3 });
  await using two = await tinyCheckpoint({ ...shape, seed: 4 });
  const [right, wrong] = [await openCheckpoint(one.directory), await openCheckpoint(two.directory)];
  const { path } = (await inPrecision(right, precision, { folder })).derived!;
  const sound = await readFile(path);
  const other = await readFile((await inPrecision(wrong, precision, { folder })).derived!.path);
  const flipped = Buffer.from(sound);
  flipped[sound.length - 100]! ^= 1;
  for (const [bytes, words] of [
    [flipped, /is damaged: its checksum does not match/],
    [sound.subarray(0, 5000), /is damaged: it is cut short/],
    [other, /was made from other weights/],
  ] as const) {
    await writeFile(path, bytes);
    const said: string[] = [];
    const { derived } = await inPrecision(right, precision, { folder, say: (line) => said.push(line) });

    expect(said).toEqual([expect.stringMatching(words)]);
    expect(said[0]).toMatch(/^\S+\.safetensors .*\. It is written again\.$/);
    expect(derived!.path).toBe(path);
    expect(sound.equals(await readFile(path))).toBe(true);
  }
});

test('temporary files of a killed process are removed', async () => {
  await using tiny = await tinyCheckpoint({ ...shape, seed: 5 });
  const checkpoint = await openCheckpoint(tiny.directory);
  const { path } = (await inPrecision(checkpoint, 'int8', { folder })).derived!;
  const killed = nameBeside(path, 'tmp').replace(`-${process.pid}-`, '-999999999-'); // Linux has no such process id
  await mkdir(killed);
  await writeFile(join(killed, 'half'), 'half');
  await inPrecision(checkpoint, 'int8', { folder, again: true });
  expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a sound derived file is opened without a message', async () => {
  await using tiny = await tinyCheckpoint(shape);
  const checkpoint = await openCheckpoint(tiny.directory);
  const said: string[] = [];
  const options = { folder, say: (line: string) => said.push(line) };
  await inPrecision(checkpoint, 'int8', options);
  await inPrecision(checkpoint, 'int8', options);
  expect(said).toEqual([]);
});

test.each(['f16', 'int8'] as const)('if no %s file can be written, the error says what to do', async (precision) => {
  await using tiny = await tinyCheckpoint(shape);
  const checkpoint = await openCheckpoint(tiny.directory);
  await expect(inPrecision(checkpoint, precision, { folder: '/dev/null/x' })).rejects.toMatchObject({
    code: 'output_not_writable',
    message: `Expected to write the ${precision} weights to /dev/null/x, but the system said ENOTDIR. Set IGPT_CACHE to a writable folder with room for them.`,
  });
});

test('each precision has its own model id', async () => {
  await using tiny = await tinyCheckpoint(shape);
  const checkpoint = await openCheckpoint(tiny.directory);
  const options = { outputs: ['features'], featureLayer: 1, featureNorm: 'next' } as const;
  const ids = await Promise.all(
    (['f32', 'int8', 'int8-block', 'f16'] as const).map(async (precision) =>
      modelId(checkpoint, { ...options, precision: (await inPrecision(checkpoint, precision, { folder })).identity }),
    ),
  );
  expect(new Set(ids).size).toBe(4);
});

test('a matrix whose cosine is too low gets the next finer format, down to f32', () => {
  const cosines = [0.9995, 0.99, 0.5, 0.99, Number.NaN, 1, 1, 1];
  const plan = finerPlan(uniformPlan(2, 'int8'), cosines)!;
  expect(planText(plan)).toBe('ibubuiii'); // only a matrix after a norm has a gain to unfold
  const next = finerPlan(plan, [1, 0, 0, 0, 1, 1, 1, 1])!;
  expect(planText(next)).toBe('ifbfuiii');
  expect(finerPlan(next, [1, 0, 1, 0, 1, 1, 1, 1])).toBeUndefined();
});

test('a matrix that needs more than 8 bits gets a finer format, which changes the id', async () => {
  // One input is sometimes far larger than the others, so its row sets every scale.
  await using tiny = await tinyCheckpoint({
    ...shape,
    tensors: (tensors) => {
      const { data } = tensors.find(({ name }) => name.endsWith('h.1.mlp.c_proj.weight'))!;
      for (let row = 0; row < 256; row += 32) for (let j = 0; j < 64; j++) data[row * 64 + j]! *= 3000;
      const fc = tensors.find(({ name }) => name.endsWith('h.1.mlp.c_fc.weight'))!.data;
      for (let i = 0; i < 64; i++) for (let row = 0; row < 256; row += 32) fc[i * 256 + row]! *= 1 / 3000;
      const bias = tensors.find(({ name }) => name.endsWith('h.1.mlp.c_fc.bias'))!.data;
      for (let row = 0; row < 256; row += 32) bias[row] = 0;
      return tensors;
    },
  });
  const checkpoint = await openCheckpoint(tiny.directory);
  const { derived, identity, checkpoint: other } = await inPrecision(checkpoint, 'int8', { folder });
  expect(planText(derived!.plan!)).toMatch(/^.{7}[bf]$/);
  expect(identity).toMatch(/^int8\+[0-9a-f]{8}$/);
  expect(cosine((await outputs(other)).features, (await outputs(checkpoint)).features)).toBeGreaterThan(0.999);
});

test('completions refuse int8, whose samples would depend on each other', async () => {
  await using tiny = await tinyCheckpoint(shape);
  const checkpoint = await openCheckpoint(tiny.directory);
  const { checkpoint: int8 } = await inPrecision(checkpoint, 'int8', { folder });
  const tokens = randomTokens(1, 324, 64);
  await expect(complete(int8, tokens, { keep: 320, samples: 2 })).rejects.toMatchObject({
    code: 'input_invalid',
    message: expect.stringContaining('int8-block'),
  });
});
