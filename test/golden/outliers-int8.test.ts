import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import { inPrecision } from '../../lib/runtime/precision.ts';
import { goldenJson } from '../support/golden.ts';
import { wideCheckpoint } from '../support/wide-checkpoint.ts';

// Two channels are scaled after every norm: x40 breaks plain int8 activations, x0.025 breaks plain int8 weights (see
// the README of golden/wide). We fold the gains into the matrices before quantising, so that both keep the features.
test.each([40, 0.025])(
  'outlier channels x%f keep a feature cosine of 0.999 in int8, at every layer',
  async (factor) => {
    await using wide = await wideCheckpoint('outliers', factor);
    const folder = await mkdtemp(join(tmpdir(), 'derived-'));
    const exact = await openCheckpoint(wide.directory);
    const { X } = goldenJson(z.object({ X: z.array(z.array(z.number())) }), 'wide', 'outliers', 'inputs.json');
    const { n_layer, n_embd: d } = exact.config;
    const layers = Array.from({ length: n_layer + 1 }, (_, i) => i);
    const { checkpoint: int8 } = await inPrecision(exact, 'int8', { folder });
    const features = [];
    for (const model of [exact, int8]) {
      const forward = await openForward(model, { features: { layers, norm: 'raw', pool: 'mean' } });
      features.push((await forward.execute(Int32Array.from(X.flat()))).get('features')!.data); // [batch, L + 1, d]
      await forward.close();
    }
    await rm(folder, { recursive: true });
    const [a, b] = features as [Float32Array, Float32Array];
    for (let start = 0; start < a.length; start += d) {
      let [ab, aa, bb] = [0, 0, 0];
      for (let i = start; i < start + d; i++) {
        ab += a[i]! * b[i]!;
        aa += a[i]! ** 2;
        bb += b[i]! ** 2;
      }
      expect(ab / Math.sqrt(aa * bb)).toBeGreaterThan(0.999);
    }
  },
);
