import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { writeProbe } from '../../../lib/checkpoint/probe.ts';
import type { Prediction } from '../../../lib/ports/model.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { type LocalModel, type OpenModelOptions, openModel } from '../../../lib/runtime/model.ts';
import { randomTokens, type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

/** Pictures for the default tiny checkpoint: n = 16, V = 8. */
const pictures = Array.from({ length: 24 }, (_, seed) => randomTokens(seed, 16, 8));

async function withModel<T>(
  options: OpenModelOptions,
  body: (model: LocalModel) => Promise<T>,
  tiny: TinyCheckpointOptions = {},
): Promise<T> {
  await using written = await tinyCheckpoint({ config: { _name_or_path: 'tiny' }, ...tiny });
  const model = await openModel(await openCheckpoint(written.directory), { threads: 1, ...options });
  try {
    return await body(model);
  } finally {
    await model.close();
  }
}

const predictAll = (model: LocalModel, all: readonly Uint16Array[] = pictures): Promise<Prediction[]> =>
  Promise.all(all.map((tokens) => model.predict(tokens)));

describe('openModel', () => {
  it('describes itself', async () => {
    await withModel({ threads: 2, maxBatch: 3 }, async (model) => {
      expect(model).toMatchObject({
        objective: 'ar',
        tokens: 16,
        outputs: ['classification', 'features', 'likelihood'],
        featureLayer: 1,
        featureNorm: 'next',
        labels: ['class 0', 'class 1', 'class 2'],
        provider: 'cpu',
        precision: 'f32',
        concurrency: 12,
      });
      expect(model.id).toMatch(/^tiny-[0-9a-f]{12}$/);
      expect(model.onnxruntime).toMatch(/^\d+\.\d+/);
      expect(model.preprocessing.palette).toHaveLength(24);
    });
  });

  it('gives each picture the same bits as a pass over this picture alone', async () => {
    await using written = await tinyCheckpoint();
    const checkpoint = await openCheckpoint(written.directory);
    const forward = await openForward(checkpoint, {
      classes: true,
      likelihood: true,
      features: { layers: [1], norm: 'next', pool: 'mean' },
    });
    const model = await openModel(checkpoint, { threads: 3, maxBatch: 2 });
    const predictions = await predictAll(model);
    for (const [i, tokens] of pictures.entries()) {
      const alone = await forward.execute(tokens);
      const nats = alone.get('likelihood')?.data ?? new Float32Array();

      expect(predictions[i]?.classLogits).toEqual(alone.get('classes')?.data);
      expect(predictions[i]?.features).toEqual(alone.get('features')?.data);
      expect(predictions[i]?.nats).toBe(nats.reduce((sum, value) => sum + value, 0) / 16);
    }
    await model.close();
    await forward.close();
  });

  it('gives the same bits for any batches, order and number of threads', async () => {
    const expected = await withModel({}, (model) => predictAll(model));

    for (const options of [{ maxBatch: 4 }, { threads: 3 }, { threads: 2, maxBatch: 7 }]) {
      expect(await withModel(options, (model) => predictAll(model))).toEqual(expected);
      const backwards = await withModel(options, (model) => predictAll(model, pictures.toReversed()));
      expect(backwards.toReversed()).toEqual(expected);
    }
  });

  it('computes only the requested outputs', async () => {
    const [features] = await withModel({ outputs: ['features'], featureLayer: 0, featureNorm: 'raw' }, (model) =>
      predictAll(model),
    );
    const [nats] = await withModel({ outputs: ['likelihood'] }, (model) => predictAll(model));

    expect(Object.keys(features ?? {})).toEqual(['features']);
    expect(features?.features).toHaveLength(16);
    expect(Object.keys(nats ?? {})).toEqual(['nats', 'natsOfTokens']);
  });

  it('has another id for other outputs', async () => {
    const all = await withModel({}, async (model) => model.id);
    const some = await withModel({ outputs: ['likelihood'] }, async (model) => model.id);

    expect(some).not.toBe(all);
  });

  it('classifies by the probe if the checkpoint has one', async () => {
    await using written = await tinyCheckpoint();
    await writeProbe(join(written.directory, 'probe.safetensors'), {
      layers: [0, 2],
      norm: 'raw',
      labels: ['a', 'b'],
      weight: new Float32Array(2 * 32),
      bias: Float32Array.of(0.25, -0.5),
    });
    const model = await openModel(await openCheckpoint(written.directory), { threads: 1 });
    const [prediction] = await predictAll(model);
    await model.close();

    expect(model.labels).toEqual(['a', 'b']);
    expect(prediction?.classLogits).toEqual(Float32Array.of(0.25, -0.5));
  });

  it('reads OpenAI’s layout and BERT models, which have no likelihood', async () => {
    await withModel(
      {},
      async (model) => {
        const [prediction] = await predictAll(model);

        expect(model.outputs).toEqual(['classification', 'features']);
        expect(Object.keys(prediction ?? {})).toEqual(['classLogits', 'features']);
      },
      { layout: 'openai', objective: 'bert' },
    );
  });

  it('computes classes of plain tokens if its checkpoint or an option says so', async () => {
    const classifier = { config: { _name_or_path: 'tiny', architectures: ['ImageGPTForImageClassification'] } };
    const all = async (options: OpenModelOptions, tiny: TinyCheckpointOptions) =>
      withModel(options, async (model) => ({ id: model.id, input: model.input, own: await predictAll(model) }), tiny);
    const plain = await all({}, classifier);
    const behind = await all({}, {});

    expect([plain.input, behind.input]).toEqual(['plain', 'sos']);
    expect(plain.own[0]?.classLogits).not.toEqual(behind.own[0]?.classLogits);
    expect(plain.own[0]?.natsOfTokens).toEqual(behind.own[0]?.natsOfTokens);
    expect(plain.own[0]?.features).toEqual(behind.own[0]?.features);
    expect(await all({ input: 'plain' }, {})).toEqual(plain);
    expect(await all({ input: 'sos' }, classifier)).toEqual(behind);
  });

  it('opens a job’s model that has no choice with sos, which the job records', async () => {
    const input = (options: OpenModelOptions, tiny: TinyCheckpointOptions) =>
      withModel(options, async (model) => model.input, tiny);

    expect(await input({ input: 'sos' }, { objective: 'bert' })).toBe('sos');
    expect(await input({ input: 'sos' }, { classes: 0 })).toBe('sos');
    await expect(input({ input: 'plain' }, { objective: 'bert' })).rejects.toThrow(/BERT model, which has no start/);
  });

  it('finishes all predictions before it closes, and refuses new ones', async () => {
    await withModel({}, async (model) => {
      const busy = predictAll(model);
      const closed = model.close();

      await expect(model.predict(pictures[0] ?? new Uint16Array())).rejects.toMatchObject({ code: 'model_closed' });
      await closed;
      expect(await busy).toHaveLength(pictures.length);
    });
  });

  it.each([
    ['too few tokens', randomTokens(1, 15, 8), /16 tokens.*15/],
    ['too many tokens', randomTokens(1, 32, 8), /16 tokens.*32/],
    ['a token beyond the palette', new Uint16Array(16).fill(8), /0 to 7; received 8/],
  ])('refuses %s, but not the next picture', async (_, tokens, message) => {
    await withModel({}, async (model) => {
      const neighbour = model.predict(pictures[0] ?? tokens);

      await expect(model.predict(tokens)).rejects.toMatchObject({ name: 'ModelError', code: 'tokens_invalid' });
      await expect(model.predict(tokens)).rejects.toThrow(message);
      expect((await neighbour).nats).toBeGreaterThan(0);
    });
  });

  it.each<[string, TinyCheckpointOptions, OpenModelOptions, string, RegExp]>([
    [
      'an output without its weights',
      { classes: 0 },
      { outputs: ['classification'] },
      'output_unavailable',
      /score\.weight/,
    ],
    ['the likelihood without lm_head', { lmHead: false }, { outputs: ['likelihood'] }, 'output_unavailable', /lm_head/],
    [
      'the likelihood of a BERT model',
      { objective: 'bert' },
      { outputs: ['likelihood'] },
      'output_unavailable',
      /BERT/,
    ],
    ['a layer above the last', {}, { featureLayer: 3 }, 'layer_out_of_range', /0 to 2.*received 3/],
    ['half a layer', {}, { featureLayer: 0.5 }, 'layer_out_of_range', /0\.5/],
  ])('refuses %s', async (_, tiny, options, code, message) => {
    const opening = withModel(options, async () => undefined, tiny);

    await expect(opening).rejects.toMatchObject({ name: 'ModelError', code });
    await expect(opening).rejects.toThrow(message);
  });

  it('refuses a checkpoint without a palette', async () => {
    await expect(withModel({}, async () => undefined, { preprocessor: false })).rejects.toMatchObject({
      name: 'CheckpointError',
      code: 'preprocessing_missing',
      message: expect.stringContaining('expected preprocessor_config.json'),
    });
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['were removed', (path) => rm(path)],
    ['were cut short', (path) => truncate(path, 3000)],
  ])('rejects with one error when the weights %s after the check', async (_, damage) => {
    await using written = await tinyCheckpoint();
    const checkpoint = await openCheckpoint(written.directory);
    await damage(join(written.directory, 'model.safetensors'));

    await expect(openModel(checkpoint, { threads: 2 })).rejects.toMatchObject({
      name: 'ThreadUnusableError',
      code: 'session_failed',
    });
  });
});
