import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { modelId, type ResultOptions } from '../../../lib/checkpoint/model-id.ts';
import { writeProbe } from '../../../lib/checkpoint/probe.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

const options: ResultOptions = {
  precision: 'f32',
  outputs: ['classification', 'features', 'likelihood'],
  featureLayer: 1,
  featureNorm: 'next',
};

async function idOf(tiny: TinyCheckpointOptions, result: Partial<ResultOptions> = {}): Promise<string> {
  await using checkpoint = await tinyCheckpoint({ ...tiny, config: { _name_or_path: 'org/tiny', ...tiny.config } });
  return await modelId(await openCheckpoint(checkpoint.directory), { ...options, ...result });
}

describe('modelId', () => {
  let id: string;
  beforeAll(async () => {
    id = await idOf({});
  });

  it('is the name and twelve hex digits, and does not depend on the directory', async () => {
    expect(id).toMatch(/^tiny-[0-9a-f]{12}$/);
    expect(await idOf({})).toBe(id);
  });

  it.each<[string, TinyCheckpointOptions]>([
    ['the weights', { tensors: ([first, ...rest]) => [{ ...first!, data: first!.data.map((x) => x + 1) }, ...rest] }],
    ['the number of heads', { n_head: 4 }],
    ['the objective', { objective: 'bert' }],
    ['the crop', { crop: 'short-224-center' }],
    ['the filter', { resample: 3 }],
    ['the palette', { preprocessorConfig: { clusters: Array(8).fill([0, 0, 0]) } }],
    ['the lack of a palette', { preprocessor: false }],
    ['the labels', { config: { id2label: { 0: 'a', 1: 'b', 2: 'c' } } }],
    ['the epsilon', { config: { layer_norm_epsilon: 1e-6 } }],
    ['the activation', { config: { activation_function: 'gelu' } }],
    ['sigmoids in place of a softmax', { config: { problem_type: 'multi_label_classification' } }],
    ['the name', { config: { _name_or_path: 'other' } }],
    ['plain tokens for the classes', { config: { igpt: { input: 'plain' } } }],
  ])('changes with %s', async (_, change) => {
    expect(await idOf(change)).not.toBe(id);
  });

  it.each<[string, Partial<ResultOptions>]>([
    ['the precision', { precision: 'int8' }],
    ['the outputs', { outputs: ['features'] }],
    ['the feature layer', { featureLayer: 2 }],
    ['the feature norm', { featureNorm: 'raw' }],
    ['scaled decoding', { scaledDecoding: true }],
    ['prepacked weights', { prepack: true }],
  ])('changes with %s', async (_, change) => {
    expect(await idOf({}, change)).not.toBe(id);
  });

  it('does not depend on the order of the outputs, nor on an unused feature layer', async () => {
    expect(await idOf({}, { outputs: options.outputs.toReversed() })).toBe(id);
    expect(await idOf({}, { outputs: ['likelihood'], featureLayer: 0 })).toBe(
      await idOf({}, { outputs: ['likelihood'], featureLayer: 1 }),
    );
  });

  it('does not depend on how SOS became the input, nor on the input of a class head that is not used', async () => {
    expect(await idOf({ config: { igpt: { input: 'sos' } } })).toBe(id);
    const features = { outputs: ['features'] };
    expect(await idOf({ config: { igpt: { input: 'plain' } } }, features)).toBe(await idOf({}, features));
  });

  it('of igpt-nano stays as published', async () => {
    const nano = await openCheckpoint(join(import.meta.dirname, '../../../lib/models/igpt-nano'));
    const { feature_layer: featureLayer, feature_norm: featureNorm } = nano.config;

    expect(nano.config.input).toBe('sos');
    expect(await modelId(nano, { ...options, featureLayer, featureNorm })).toBe('igpt-nano-753214900b85');
  });

  it('of a model from before there was a choice of activations and sigmoids stays the same', async () => {
    const softmax = { activation_function: 'quick_gelu', problem_type: 'single_label_classification' };
    expect(await idOf({ config: softmax })).toBe(id);
  });

  it('changes with the probe', async () => {
    await using tiny = await tinyCheckpoint({ config: { _name_or_path: 'org/tiny' } });
    const probe = { layers: [1], norm: 'next', labels: ['class 0', 'class 1', 'class 2'] } as const;
    const path = join(tiny.directory, 'probe.safetensors');
    await writeProbe(path, { ...probe, weight: new Float32Array(48), bias: new Float32Array(3) });
    const first = await modelId(await openCheckpoint(tiny.directory), options);
    await writeProbe(path, { ...probe, weight: new Float32Array(48), bias: new Float32Array(3).fill(1) });
    const second = await modelId(await openCheckpoint(tiny.directory), options);

    expect(new Set([id, first, second]).size).toBe(3);
  });

  it('needs the files of the opened checkpoint', async () => {
    await using tiny = await tinyCheckpoint();
    const checkpoint = await openCheckpoint(tiny.directory);
    await rm(join(tiny.directory, 'model.safetensors'));

    await expect(modelId(checkpoint, options)).rejects.toMatchObject({ code: 'weights_missing' });
  });
});
