import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../lib/checkpoint/import/find-source.ts';
import { type InitOptions, initCheckpoint } from '../../../lib/checkpoint/init-checkpoint.ts';
import type { ImageGptConfig } from '../../../lib/image-gpt/config.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { modelShape } from '../../support/model-shape.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { sourceFloats } from './source-values.ts';

const palette = join(import.meta.dirname, '../../../lib/models/igpt-nano/preprocessor_config.json');

/** Two small blocks, with OpenAI's 512 colours. */
const config: ImageGptConfig = {
  n_colors: 512,
  n_positions: 64,
  n_embd: 64,
  n_layer: 2,
  n_head: 2,
  n_inner: 256,
  activation_function: 'quick_gelu',
  layer_norm_epsilon: 1e-5,
  objective: 'ar',
  feature_layer: 1,
  feature_norm: 'next',
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'init-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function init(options: Partial<InitOptions> = {}) {
  return initCheckpoint(join(directory, crypto.randomUUID()), { config, palette, name: 'tiny', ...options });
}

async function weight(checkpoint: Awaited<ReturnType<typeof init>>, name: string): Promise<number[]> {
  await using source = await openSafetensors(join(checkpoint.directory, 'model.safetensors'));
  return sourceFloats(source, name);
}

function deviation(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

describe('a new model', () => {
  it('has OpenAI’s initial values', async () => {
    const made = await init();
    const h = 'transformer.h.1.';

    // The deviation of n numbers has an error of about 1 / sqrt(2 n): 1 % for 4,096 numbers. The test allows 5 %.
    for (const [name, expected] of [
      ['transformer.wte.weight', 0.02],
      ['transformer.wpe.weight', 0.01],
      [`${h}attn.c_attn.weight`, 1 / Math.sqrt(64)],
      [`${h}attn.c_proj.weight`, 1 / Math.sqrt(64 * 2)],
      [`${h}mlp.c_fc.weight`, 0.02],
      [`${h}mlp.c_proj.weight`, 0.02],
    ] as const) {
      expect(deviation(await weight(made, name)) / expected, name).toBeCloseTo(1, 1);
    }
    for (const name of [`${h}ln_1.weight`, `${h}ln_2.weight`, 'transformer.ln_f.weight']) {
      expect(new Set(await weight(made, name)), name).toEqual(new Set([1]));
    }
    for (const name of ['lm_head.weight', `${h}attn.c_attn.bias`, `${h}mlp.c_fc.bias`]) {
      expect(new Set(await weight(made, name)), name).toEqual(new Set([0]));
    }
  });

  it('has a first loss of exactly ln 512', async () => {
    const { weights } = await init();
    const forward = await openForward({ config, weights }, { likelihood: true });
    const likelihood = (await forward.execute(randomTokens(1, 64, 512))).get('likelihood')?.data;
    await forward.close();

    expect(Math.max(...(likelihood ?? []))).toBeCloseTo(Math.log(512), 5);
    expect(Math.min(...(likelihood ?? []))).toBeCloseTo(Math.log(512), 5);
  });

  it('depends on the seed and on the name of a tensor, not on the other tensors', async () => {
    const [one, same, deeper, other] = [
      await init({ seed: 3 }),
      await init({ seed: 3 }),
      await init({ seed: 3, config: { ...config, n_layer: 3 } }),
      await init({ seed: 4 }),
    ];
    const name = 'transformer.h.0.mlp.c_fc.weight';
    const values = await weight(one, name);

    expect(await weight(same, name)).toEqual(values);
    expect(await weight(deeper, name)).toEqual(values);
    expect(await weight(other, name)).not.toEqual(values);
    expect(await weight(one, 'transformer.h.1.mlp.c_fc.weight')).not.toEqual(values);
  });

  it('has no start token if it is a BERT model', async () => {
    const made = await init({ config: { ...config, objective: 'bert' } });
    const q = await weight(made, 'model/h1/attn/q_proj');

    expect(made.config.objective).toBe('bert');
    expect(made.weights).toMatchObject({ layout: 'openai', sos: undefined, wte: { shape: [512, 64] } });
    expect(deviation(q) * Math.sqrt(64)).toBeCloseTo(1, 1);
  });

  it('has a palette, and its resolution follows from the positions', async () => {
    const { preprocessing, name } = await init();

    expect(preprocessing).toMatchObject({ width: 8, height: 8, resample: 2, crop: 'none' });
    expect(preprocessing?.palette.length).toBe(3 * 512);
    expect(name).toBe('tiny');
  });

  it('is written in shards if it is large, in the order of the blocks', async () => {
    const made = await init({ shardBytes: 300_000 });
    const names = (await readdir(made.directory)).sort();
    const index: { weight_map: Record<string, string>; metadata: { total_size: number } } = JSON.parse(
      await readFile(join(made.directory, 'model.safetensors.index.json'), 'utf8'),
    );
    const shards = names.filter((name) => /^model-0000\d-of-0000\d\.safetensors$/.test(name));

    expect(shards.length).toBeGreaterThan(1);
    expect(made.weightFiles).toEqual(shards);
    expect([...new Set(Object.values(index.weight_map))]).toEqual(shards);
    expect(index.weight_map['transformer.wte.weight']).toBe(shards[0]);
    expect(index.weight_map['lm_head.weight']).toBe(shards.at(-1));
    const whole = await init();
    expect(whole.weightFiles).toEqual(['model.safetensors']);
    expect(index.metadata.total_size).toBeLessThan(whole.weightBytes);
  });

  it('needs only the shards of the first l blocks for the features of layer l', async () => {
    const { config, weights, weightFiles } = await init({ config: modelShape(4, 64, 64), shardBytes: 250_000 });
    const needed = new Set([
      weights.wte.file,
      weights.wpe.file,
      ...weights.blocks.slice(0, 2).flatMap((block) => [block.ln1.file, block.mlpProjection.file]),
      weights.blocks[2]!.ln1.file, // the norm of the next block
    ]);
    const others = weightFiles.filter((file) => !needed.has(file));
    for (const file of others) await rm(join(weights.directory, file));
    const features = (layer: number) => ({
      features: { layers: [layer], norm: 'next' as const, pool: 'mean' as const },
    });

    const forward = await openForward({ config, weights }, features(2));
    const found = (await forward.execute(randomTokens(1, 64, 512))).get('features')?.data;
    await forward.close();

    expect(others.length).toBeGreaterThan(0);
    expect(found?.every(Number.isFinite)).toBe(true);
    await expect(openForward({ config, weights }, features(4))).rejects.toMatchObject({ code: 'session_failed' });
  });

  it('can have 16-bit weights', async () => {
    const { weights, weightBytes } = await init({ dtype: 'BF16' });

    expect(weights.wte.dtype).toBe('BF16');
    expect(weightBytes).toBeLessThan((await init()).weightBytes * 0.52);
  });
});
