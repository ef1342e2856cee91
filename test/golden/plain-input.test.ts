import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { withInput } from '../../lib/checkpoint/class-input.ts';
import { type ForwardRequest, forwardGraph, type ImageGptModel } from '../../lib/graph/forward-graph.ts';
import { writeOnnx } from '../../lib/graph/onnx-writer.ts';
import type { Weight } from '../../lib/graph/weights.ts';
import { classProbabilities } from '../../lib/image-gpt/classification.ts';
import type { Precision } from '../../lib/ports/model.ts';
import { gpuGraph, openForward } from '../../lib/runtime/forward.ts';
import { inPrecision } from '../../lib/runtime/precision.ts';
import { openSession } from '../../lib/runtime/session.ts';
import { golden, goldenJson } from '../support/golden.ts';
import { randomTokens, type TinyCheckpointOptions, tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const probabilities = z.array(z.number());
const expected = goldenJson(
  z.object({ tokens: z.array(z.int()), plain: probabilities, sos: probabilities }),
  'plain',
  'expected.json',
);

const everything: ForwardRequest = {
  features: { layers: [0, 1, 2], norm: 'next', pool: 'mean' },
  classes: true,
  likelihood: true,
  logits: true,
};

async function outputsOf(model: ImageGptModel, request: ForwardRequest, tokens: Uint16Array) {
  const forward = await openForward(model, request);
  const outputs = await forward.execute(tokens);
  await forward.close();
  return new Map([...outputs].map(([name, { data }]) => [name, [...data]]));
}

test.each(['plain', 'sos'] as const)('%s input gives the classes of a float64 forward pass', async (input) => {
  const model = withInput(await openCheckpoint(golden('plain')), input);
  const classes = (await outputsOf(model, { classes: true }, Uint16Array.from(expected.tokens))).get('classes') ?? [];

  classProbabilities(classes, 'softmax').forEach((probability, i) => {
    expect(probability).toBeCloseTo(expected[input][i]!, 6);
  });
});

const shape: TinyCheckpointOptions = { n_embd: 32, n_colors: 32, classes: 5 };

describe.each<[string, TinyCheckpointOptions]>([
  ['Hugging Face', shape],
  ['OpenAI', { ...shape, layout: 'openai' }],
  // 289 tokens: several strips.
  ['more tokens than a strip', { ...shape, size: 17 }],
])('plain input, %s', (_, options) => {
  const two = (n: number) => Uint16Array.from([...randomTokens(1, n, 32), ...randomTokens(2, n, 32)]);

  test.each<Precision>(['f32', 'f16', 'int8', 'int8-block'])(
    'gives the classes behind SOS when the first token takes its place, bit for bit, in %s',
    async (precision) => {
      const made = await opened(options, precision);
      await using _ = made;
      const { checkpoint } = made;
      const tokens = randomTokens(3, checkpoint.config.n_positions, 32);
      const [first = 0, ...rest] = tokens;
      const sos = rowOf(checkpoint.weights.wte, first);
      const replaced = { ...checkpoint, weights: { ...checkpoint.weights, sos } };

      const plain = await outputsOf(withInput(checkpoint, 'plain'), { classes: true }, tokens);
      expect(plain).toEqual(await outputsOf(replaced, { classes: true }, Uint16Array.of(...rest, 0)));
    },
  );

  test('changes the classes only: likelihood and features stay behind SOS, bit for bit', async () => {
    const made = await opened(options, 'f32');
    await using _ = made;
    const { checkpoint } = made;
    const tokens = two(checkpoint.config.n_positions);
    const behind = await outputsOf(checkpoint, everything, tokens);
    const alone = await outputsOf(withInput(checkpoint, 'plain'), { classes: true }, tokens);
    const plain = await outputsOf(withInput(checkpoint, 'plain'), everything, tokens);

    expect(plain.get('classes')).not.toEqual(behind.get('classes'));
    expect(plain).toEqual(new Map([...behind, ...alone]));
  });

  test('reads the last token, which classes behind SOS never see', async () => {
    const made = await opened(options, 'f32');
    await using _ = made;
    const { checkpoint } = made;
    const tokens = randomTokens(4, checkpoint.config.n_positions, 32);
    const other = Uint16Array.from(tokens);
    other[other.length - 1] = (other.at(-1)! + 1) % 32;
    const [a, b] = [tokens, other];
    const classes = (model: Checkpoint, of: Uint16Array) => outputsOf(model, { classes: true }, of);

    expect(await classes(checkpoint, a)).toEqual(await classes(checkpoint, b));
    const plain = withInput(checkpoint, 'plain');
    expect(await classes(plain, a)).not.toEqual(await classes(plain, b));
  });

  test('gives the same in the graphs for GPUs', async () => {
    const made = await opened(options, 'f32');
    await using _ = made;
    const plain = withInput(made.checkpoint, 'plain');
    const n = plain.config.n_positions;
    const tokens = two(n);
    const ours = await outputsOf(plain, everything, tokens);
    const graph = gpuGraph(plain, everything, 'webgpu', 2);
    const session = await openSession(writeOnnx(graph), { directory: plain.weights.directory });
    const data = Int32Array.from(tokens);
    const outputs = await session.execute({ tokens: { type: 'int32', data, dims: [2, n] } });
    await session.close();

    for (const [name, values] of ours) {
      const most = Math.max(1, ...values.map(Math.abs));
      outputs.get(name)!.data.forEach((value, i) => {
        expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(2e-5 * most);
      });
    }
  });
});

test('classes alone take one pass, and classes beside other outputs two', async () => {
  await using tiny = await tinyCheckpoint(shape);
  const checkpoint = await openCheckpoint(tiny.directory);
  const plain = withInput(checkpoint, 'plain');
  const attentions = (model: ImageGptModel, request: ForwardRequest) =>
    forwardGraph(model, request).nodes.filter(({ operator }) => operator === 'GroupQueryAttention').length;
  const passes = (request: ForwardRequest) => attentions(plain, request) / attentions(checkpoint, { classes: true });

  expect(attentions(checkpoint, { classes: true })).toBeGreaterThan(0);
  expect(passes({ classes: true })).toBe(1);
  expect(passes({ likelihood: true })).toBe(1);
  expect(passes({ classes: true, likelihood: true })).toBe(2);
  expect(passes({ classes: true, features: { layers: [1], norm: 'next', pool: 'mean' } })).toBe(1.5);
});

async function opened(options: TinyCheckpointOptions, precision: Precision) {
  const tiny = await tinyCheckpoint(options);
  const folder = await mkdtemp(join(tmpdir(), 'derived-'));
  const { checkpoint } = await inPrecision(await openCheckpoint(tiny.directory), precision, { folder });
  return {
    checkpoint,
    async [Symbol.asyncDispose]() {
      await tiny[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** One row [d] of an embedding [rows, d], in the same file. */
function rowOf(table: Weight, row: number): Weight {
  const [rows = 1, d = 0] = table.shape;
  const length = table.length / rows;
  return { ...table, name: `${table.name}[${row}]`, offset: table.offset + row * length, length, shape: [d] };
}
