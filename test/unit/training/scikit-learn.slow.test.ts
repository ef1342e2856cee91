import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { fitPalette } from '../../../lib/image-gpt/fit-palette.ts';
import { encodeNpy } from '../../../lib/image-gpt/npy.ts';
import { createRandom } from '../../../lib/image-gpt/random.ts';
import { tokensToRgb } from '../../../lib/image-gpt/token-colors.ts';
import { openForwardPool } from '../../../lib/runtime/forward-pool.ts';
import { tokenDataSet } from '../../../lib/training/data/data-set.ts';
import { extractFeatures, gatherFeatures } from '../../../lib/training/probe/layer-features.ts';
import {
  accuracy,
  fitLogisticRegression,
  predictClasses,
  prepare,
} from '../../../lib/training/probe/logistic-regression.ts';
import { pythonEnvironment } from '../../support/python.ts';

const environment = await pythonEnvironment('requirements-scikit-learn.txt');
const missing = 'missing' in environment ? environment.missing : undefined;

const nano = join(import.meta.dirname, '../../../lib/models/igpt-nano');
const pictureCount = 1500;
const classCount = 5;
const layer = 3;
const penalties = [1e-1, 1e-3, 1e-5];

/** Pictures of two colours, whose shares depend on the class: real features, and classes that overlap. */
function pictures(n: number): { tokens: Uint16Array; labels: Int32Array } {
  const random = createRandom(11, 11);
  const labels = Int32Array.from({ length: pictureCount }, (_, i) => i % classCount);
  const tokens = new Uint16Array(pictureCount * n);
  for (let i = 0; i < pictureCount; i++) {
    const [one, other] = [Math.floor(512 * random()), Math.floor(512 * random())];
    const share = 0.3 * (labels[i] ?? 0) * (0.5 + random());
    for (let at = i * n; at < (i + 1) * n; at++) tokens[at] = random() < share ? one : other;
  }
  return { tokens, labels };
}

const reference = z.object({
  fits: z.array(z.object({ loss: z.number(), cross_entropy: z.number(), accuracy: z.number() })),
  inertias: z.array(z.number()),
});

describe.skipIf(missing !== undefined)(
  `beside scikit-learn${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let folder = '';
    let features = new Float32Array(0);
    let labels = new Int32Array(0);
    let pixels: Uint8Array = new Uint8Array(0);
    let theirs: z.infer<typeof reference>;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'igpt-scikit-learn-'));
      const checkpoint = await openCheckpoint(nano);
      const { n_positions: n, n_embd: width } = checkpoint.config;
      const made = pictures(n);
      const dataSet = tokenDataSet('x', made.tokens, n);
      const rows = Uint32Array.from({ length: pictureCount }, (_, i) => i);
      const options = { layers: [layer], norm: 'next', width } as const;
      const pool = await openForwardPool(checkpoint, { features: { ...options, pool: 'mean' } }, { threads: 2 });
      const extracted = await extractFeatures(pool, dataSet, rows, options);
      await pool.close();
      features = Float32Array.from(gatherFeatures([...extracted.values.values()], width, rows));
      labels = Int32Array.from(made.labels);
      pixels = tokensToRgb(made.tokens.subarray(0, 40_000), checkpoint.preprocessing?.palette ?? new Float32Array(0));

      await writeFile(join(folder, 'features.npy'), encodeNpy(features, [pictureCount, width]));
      await writeFile(join(folder, 'labels.npy'), encodeNpy(labels, [pictureCount]));
      await writeFile(join(folder, 'pixels.npy'), encodeNpy(pixels, [pixels.length / 3, 3]));
      await writeFile(join(folder, 'penalties.json'), JSON.stringify(penalties));
      const python = 'python' in environment ? environment.python : '';
      await promisify(execFile)(python, [join(import.meta.dirname, 'scikit_learn_reference.py'), folder]);
      theirs = reference.parse(JSON.parse(await readFile(join(folder, 'reference.json'), 'utf8')));
    });

    afterAll(() => rm(folder, { recursive: true, force: true }));

    test.each(penalties.map((penalty, i) => ({ penalty, i })))(
      'logistic regression reaches its loss, to 1e-3, at penalty $penalty',
      ({ penalty, i }) => {
        const fitted = fitLogisticRegression(prepare({ features, labels, classes: classCount }), penalty);
        const other = theirs.fits[i];

        expect(fitted.converged).toBe(true);
        expect(fitted.loss).toBeLessThan((other?.loss ?? 0) + 1e-3);
        expect(fitted.loss).toBeGreaterThan((other?.loss ?? 0) - 1e-3);
        expect(accuracy(predictClasses(features, fitted), labels)).toBeCloseTo(other?.accuracy ?? 0, 1);
      },
    );

    test('the palette’s inertia is at most 1 % above that of scikit-learn’s k-means (mean of five seeds)', async () => {
      const ours = await Promise.all(
        [0, 1, 2, 3, 4].map(async (seed) => (await fitPalette(pixels, { colors: 64, seed, iterations: 300 })).inertia),
      );
      const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

      expect(mean(ours)).toBeLessThan(1.01 * mean(theirs.inertias));
    });
  },
);
