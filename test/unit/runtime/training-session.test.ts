import { describe, expect, onTestFinished, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { TensorData } from '../../../lib/checkpoint/safetensors/write-safetensors.ts';
import type { TrainingBatch } from '../../../lib/runtime/training-batch.ts';
import {
  openTrainingSession,
  type TrainingOptions,
  type TrainingSession,
} from '../../../lib/runtime/training-session.ts';
import { distance } from '../../support/golden.ts';
import { randomTokens, type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

// Pictures of 16 tokens, 8 colours, width 16, 2 layers, 3 classes.
const n = 16;
const AT = { step: 1, learningRate: 1e-2 };

async function open(options: TrainingOptions, shape: TinyCheckpointOptions = {}): Promise<TrainingSession> {
  const checkpoint = await tinyCheckpoint(shape);
  const session = await openTrainingSession(await openCheckpoint(checkpoint.directory), options);
  onTestFinished(async () => {
    await session.close();
    await checkpoint[Symbol.asyncDispose]();
  });
  return session;
}

function pictures(count: number, seed = 1): TrainingBatch {
  return {
    tokens: randomTokens(seed, count * n, 8),
    labels: Int32Array.from({ length: count }, (_, i) => i % 3),
  };
}

const named = (session: TrainingSession, name: string) =>
  session.parameters.find((parameter) => parameter.name === name)!.data;

const all = (session: TrainingSession) => session.parameters.flatMap(({ data }) => [...data]);

describe('a step', () => {
  test('lowers the loss', async () => {
    const session = await open({ loss: 'joint' });
    const before = await session.step(pictures(4), AT);
    for (let step = 2; step <= 10; step++) await session.step(pictures(4), { step, learningRate: 1e-2 });
    const after = await session.evaluate(pictures(4));
    expect(after.loss).toBeLessThan(before.loss - 0.5);
    expect(after.loss).toBeCloseTo(after.generative! + after.classification!, 5);
  });

  test('has the same bits every time', async () => {
    const [one, other] = [await open({ loss: 'joint' }), await open({ loss: 'joint' })];
    for (const session of [one, other]) {
      for (let step = 1; step <= 3; step++) await session.step(pictures(5, step), { step, learningRate: 1e-2 });
    }
    expect(all(one)).toEqual(all(other));
  });

  test('continues from restored weights and moments, bit for bit', async () => {
    const whole = await open({ loss: 'joint' });
    const first = await open({ loss: 'joint' });
    const second = await open({ loss: 'joint' });
    for (let step = 1; step <= 4; step++) await whole.step(pictures(3, step), { step, learningRate: 1e-2 });
    for (let step = 1; step <= 2; step++) await first.step(pictures(3, step), { step, learningRate: 1e-2 });
    first.parameters.forEach(({ data }, i) => {
      second.parameters[i]!.data.set(data);
    });
    for (const [name, { first: m, second: v }] of first.moments) {
      second.moments.get(name)!.first.set(m);
      second.moments.get(name)!.second.set(v);
    }
    for (let step = 3; step <= 4; step++) await second.step(pictures(3, step), { step, learningRate: 1e-2 });
    expect(all(second)).toEqual(all(whole));
  });

  test.each([1, 2, 3])('in parts of %i pictures equals the step of the whole batch', async (microBatch) => {
    const [whole, parts] = [await open({ loss: 'joint', microBatch: 7 }), await open({ loss: 'joint', microBatch })];
    const [a, b] = [await whole.step(pictures(7), AT), await parts.step(pictures(7), AT)];
    expect(b.loss).toBeCloseTo(a.loss, 5);
    expect(b.gradientNorm).toBeCloseTo(a.gradientNorm, 4);
    const moments = (session: TrainingSession) => [...session.moments.values()].flatMap(({ first }) => [...first]);
    expect(distance(moments(parts), moments(whole))).toBeLessThan(1e-6);
  });

  test('of two lanes equals the step of one lane, with the same bits every time', async () => {
    const [one, two, again] = [
      await open({ loss: 'joint', microBatch: 2 }),
      await open({ loss: 'joint', microBatch: 2, threads: 2 }),
      await open({ loss: 'joint', microBatch: 2, threads: 2 }),
    ];
    for (let step = 1; step <= 2; step++) {
      const at = { step, learningRate: 1e-3 };
      const [a, b, c] = [
        await one.step(pictures(7, step), at),
        await two.step(pictures(7, step), at),
        await again.step(pictures(7, step), at),
      ];
      expect(b.loss).toBeCloseTo(a.loss, 4);
      expect(b.gradientNorm).toBeCloseTo(a.gradientNorm, 3);
      expect(c).toEqual(b);
    }
    expect(all(again)).toEqual(all(two));
    expect((await two.evaluate(pictures(3))).tokenLosses).toEqual((await again.evaluate(pictures(3))).tokenLosses);
    const { gradients } = await two.gradients(pictures(1)); // fewer pictures than lanes
    const norm = Math.hypot(...[...gradients.values()].flatMap((values) => [...values]));
    expect((await two.step(pictures(1), AT)).gradientNorm).toBeCloseTo(norm, 4);
  });

  test('reports the norm of all gradients, and clips them to a given norm', async () => {
    const free = await open({ loss: 'generative' });
    const { gradients } = await free.gradients(pictures(2));
    const norm = Math.hypot(...[...gradients.values()].flatMap((values) => [...values]));
    const cut = await open({ loss: 'generative', optimizer: { clip: norm / 4 } });
    const unhurt = await open({ loss: 'generative', optimizer: { clip: norm * 4 } });
    for (const session of [free, cut, unhurt]) {
      expect((await session.step(pictures(2), AT)).gradientNorm).toBeCloseTo(norm, 3);
    }
    const moment = (session: TrainingSession) => session.moments.get('transformer.wpe.weight')!.first;
    expect(distance(moment(unhurt), moment(free))).toBe(0);
    expect(
      distance(
        moment(cut),
        moment(free).map((value) => value / 4),
      ),
    ).toBeLessThan(1e-6);
  });

  test('decays every trained tensor: gains, biases and embeddings too', async () => {
    const still = { weightDecay: 0.5, clip: 1e-12 } as const; // no gradient to speak of
    const adamw = await open({ loss: 'joint', optimizer: { kind: 'adamw', ...still, epsilon: 1 } });
    const before = all(adamw);
    await adamw.step(pictures(2), { step: 1, learningRate: 0.1 });
    expect(
      distance(
        all(adamw),
        before.map((value) => value * 0.95),
      ),
    ).toBeLessThan(1e-6);
    const adam = await open({ loss: 'joint', optimizer: { kind: 'adam', ...still } });
    await adam.step(pictures(2), { step: 1, learningRate: 0.1 });
    // The gradient is only the decay, and Adam's first step is its sign.
    expect(
      distance(
        all(adam),
        before.map((value) => value - 0.1 * Math.sign(value)),
      ),
    ).toBeLessThan(1e-3); // a weight near 0 is not far above epsilon
  });

  test('trains only the chosen tensors', async () => {
    const session = await open({ loss: 'classification', trained: (name) => name === 'score.weight' });
    const before = session.parameters.map(({ data }) => Float32Array.from(data));
    await session.step(pictures(3), AT);
    const changed = session.parameters.filter(({ data }, i) => distance(data, before[i]!) > 0).map(({ name }) => name);
    expect(changed).toEqual(['score.weight']);
    expect([...session.moments.keys()]).toEqual(['score.weight']);
  });
});

describe('a class head', () => {
  test('is new for another number of classes: zeros, with loss ln C', async () => {
    const session = await open({ loss: 'joint', classes: 5 });
    const { classification, classLogits } = await session.evaluate(pictures(2));
    expect(classification).toBeCloseTo(Math.log(5), 6);
    expect(classLogits).toEqual(new Float32Array(10));
    expect(session.parameters.at(-1)).toMatchObject({ name: 'score.weight', shape: [5, 16] });
  });

  test("is named as in the checkpoint's layout", async () => {
    const session = await open({ loss: 'joint', classes: 4 }, { layout: 'openai', classes: 0 });
    expect(session.parameters.at(-1)).toMatchObject({ name: 'model/clf/wclf', shape: [4, 16] });
  });

  test.each([0, 1, 2])('on layer %i trains nothing above it', async (headLayer) => {
    const session = await open({ loss: 'classification', headLayer });
    const blocks = new Set([...session.moments.keys()].flatMap((name) => name.match(/h\.(\d)\.(?!ln_1)/)?.[1] ?? []));
    expect([...blocks]).toEqual(['0', '1'].slice(0, headLayer));
    expect(session.moments.has('lm_head.weight')).toBe(false);
    expect(session.moments.has('score.weight')).toBe(true);
  });

  test('is required for a class loss', async () => {
    await expect(open({ loss: 'joint' }, { classes: 0 })).rejects.toMatchObject({ code: 'output_unavailable' });
    await expect(open({ loss: 'generative' }, { lmHead: false })).rejects.toMatchObject({ code: 'output_unavailable' });
  });
});

describe('a BERT model', () => {
  const bert = { objective: 'bert' } as const;

  test('learns from masked tokens only; a picture without one is refused', async () => {
    const session = await open({ loss: 'generative' }, bert);
    const mask = new Uint8Array(2 * n);
    mask[3] = 1;
    mask[5] = 1;
    mask[n + 2] = 1;
    const { loss, tokenLosses } = await session.evaluate({ tokens: pictures(2).tokens, mask });
    expect(loss).toBeCloseTo(((tokenLosses![3]! + tokenLosses![5]!) / 2 + tokenLosses![n + 2]!) / 2, 5);
    const refused = { code: 'input_invalid', message: expect.stringContaining('received none for picture 1') };
    mask[n + 2] = 0;
    await expect(session.step({ tokens: pictures(2).tokens, mask }, AT)).rejects.toMatchObject(refused);
    await expect(session.evaluate({ tokens: pictures(2).tokens, mask })).rejects.toMatchObject(refused);
  });

  test('needs a mask, which autoregressive models refuse', async () => {
    const session = await open({ loss: 'generative' }, bert);
    await expect(session.step(pictures(1), AT)).rejects.toThrow(
      'Expected a mask to train a BERT model, received none.',
    );
    const other = await open({ loss: 'generative' });
    const masked = { ...pictures(1), mask: new Uint8Array(n) };
    await expect(other.step(masked, AT)).rejects.toMatchObject({ code: 'input_invalid' });
  });
});

test.each([
  ['labels of another number', { labels: Int32Array.of(0) }, 'Expected 2 labels, one per picture, received 1.'],
  [
    'a label above the classes of the head',
    { labels: Int32Array.of(0, 3) },
    'Expected labels from 0 to 2, received 3 for picture 1.',
  ],
  ['half a picture', { tokens: new Int32Array(n + 8) }, 'Expected pictures of 16 tokens, received 24 tokens.'],
  ['a token beyond the palette', { tokens: new Int32Array(2 * n).fill(8) }, 'Expected tokens from 0 to 7, received 8'],
])('refuses %s', async (_, wrong, message) => {
  const session = await open({ loss: 'joint' });
  const before = all(session);
  await expect(session.step({ ...pictures(2), ...wrong }, AT)).rejects.toThrow(message);
  expect(all(session)).toEqual(before);
});

test('zero biases are trained, absent ones stay absent', async () => {
  const withoutBiases = (tensors: TensorData[]) => tensors.filter(({ name }) => !name.endsWith('.bias'));
  const absent = await open({ loss: 'generative' }, { biases: 'zero', tensors: withoutBiases });
  const zero = await open({ loss: 'generative' }, { biases: 'zero' });
  const [a, b] = [await absent.step(pictures(2), AT), await zero.step(pictures(2), AT)];
  expect(b.loss).toBeCloseTo(a.loss, 5);
  expect(absent.parameters.some(({ name }) => name.endsWith('.bias'))).toBe(false);
  expect(named(zero, 'transformer.h.0.mlp.c_fc.bias').some((value) => value !== 0)).toBe(true);
});
