import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { initCheckpoint } from '../../../lib/checkpoint/init-checkpoint.ts';
import { variantCheckpoint } from '../../../lib/checkpoint/initial-weights.ts';
import { variantConfig } from '../../../lib/checkpoint/variants.ts';
import { forwardGraph } from '../../../lib/graph/forward-graph.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { modelShape } from '../../support/model-shape.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';

const features = (layer: number) => ({ features: { layers: [layer], norm: 'next' as const, pool: 'mean' as const } });

describe('features of layer l of a model in shards', () => {
  let directory: string;
  let checkpoint: Checkpoint;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'layers-'));
    checkpoint = await initCheckpoint(join(directory, 'm'), {
      config: modelShape(4, 64, 64),
      palette: join(import.meta.dirname, '../../../lib/models/igpt-nano/preprocessor_config.json'),
      name: 'm',
      shardBytes: 250_000,
    });
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('need no other shards than those of the first l blocks', async () => {
    const { config, weights } = checkpoint;
    const wanted = new Set([
      weights.wte.file,
      weights.wpe.file,
      ...weights.blocks.slice(0, 2).flatMap((block) => [block.ln1.file, block.mlpProjection.file]),
      weights.blocks[2]!.ln1.file, // the norm of the next block
    ]);
    const others = checkpoint.weightFiles.filter((file) => !wanted.has(file));
    for (const file of others) await rm(join(weights.directory, file));

    const forward = await openForward({ config, weights }, features(2));
    const found = (await forward.run(randomTokens(1, 64, 512))).get('features')?.data;
    await forward.close();

    expect(others.length).toBeGreaterThan(0);
    expect(found?.every(Number.isFinite)).toBe(true);
    await expect(openForward({ config, weights }, features(4))).rejects.toMatchObject({ code: 'session_failed' });
  });
});

describe('iGPT-XL', () => {
  it('takes 453 MB of weights a block, and no more blocks than the layer asks for', () => {
    const { config, weights } = variantCheckpoint('xl', variantConfig('XL'));
    const bytes = (layer: number) =>
      [...forwardGraph({ config, weights }, features(layer)).initializers.values()].reduce(
        (sum, initializer) => sum + ('file' in initializer ? initializer.length : 0),
        0,
      );

    // 12 d^2 + 2 d gains + 9 d biases, 4 bytes each
    expect(bytes(1) - bytes(0)).toBe(4 * (12 * 3072 ** 2 + 11 * 3072));
    expect(bytes(30) - bytes(0)).toBe(30 * (bytes(1) - bytes(0)));
  });
});
