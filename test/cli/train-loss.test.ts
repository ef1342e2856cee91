import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeNpy } from '../../lib/image-gpt/npy.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { metricsOf, writeTokens } from './training-run.ts';

/** A folder with tokens of a tiny model; `train` trains it on them. */
async function startWorld(options: TinyCheckpointOptions = {}) {
  const folder = temporaryFolder();
  const model = await tinyCheckpoint({ classes: 0, ...options });
  writeTokens(folder.path);
  return {
    path: folder.path,
    train: (out: string, ...more: string[]) =>
      igpt(['train', '--model', model.directory, '--tokens', 'x.npy', '--no-augment', '--out', out, ...more], {
        cwd: folder.path,
      }),
    async [Symbol.asyncDispose]() {
      folder[Symbol.dispose]();
      await model[Symbol.asyncDispose]();
    },
  };
}

test.each(['ar', 'bert', 'joint'])('a training (%s) that diverges in its second step ends there', async (objective) => {
  await using world = await startWorld(objective === 'bert' ? { layout: 'openai', objective } : { classes: 3 });
  const recipe = [
    '--lr',
    '10',
    '--steps',
    '30',
    '--batch',
    '8',
    ...(objective === 'joint' ? ['--labels', 'y.npy'] : []),
  ];
  const { code, stderr } = await world.train('out', '--objective', objective, ...recipe);

  expect(stderr).toMatch(
    /training diverged at step 2: a loss of \d+\.\d+, after \d\.\d+ at step 1; no checkpoint was saved yet: start again with a lower --lr/,
  );
  expect(code).toBe(1);
  expect(metricsOf(join(world.path, 'out'))).toHaveLength(1);
});

test('0 switches off the clipping, the warm-up, the watch, early stopping, and what happens between the steps', async () => {
  await using world = await startWorld();
  const recipe = ['--objective', 'ar', '--steps', '6', '--batch', '8', '--validation-share', '0.2'];
  const plain = await world.train('plain', ...recipe, '--eval-every', '6', '--save-every', '6');
  expect(plain.code, plain.stderr).toBe(0);
  const off = [
    '--clip',
    '0',
    '--warmup',
    '0',
    '--leap',
    '0',
    '--patience',
    '0',
    '--eval-every',
    '0',
    '--save-every',
    '0',
  ];
  const without = await world.train('off', ...recipe, ...off);
  expect(without.code, without.stderr).toBe(0);

  const [a, b] = ['plain', 'off'].map((out) => readFileSync(join(world.path, out, 'model.safetensors'), 'hex'));
  expect(a === b).toBe(true);
  expect(metricsOf(join(world.path, 'off')).filter(({ type }) => type === 'validation')).toHaveLength(1);
  // Off and not given are one setting.
  const again = await world.train('off', ...recipe, '--eval-every', '0');
  expect(again.stderr).toContain('off: this training is complete');
  const wild = await world.train('wild', ...recipe, '--leap', '0', '--lr', '10');
  expect(wild.code, wild.stderr).toBe(0);
  const pointless = await world.train('pointless', ...recipe, '--patience', '2', '--eval-every', '0');
  expect(pointless.stderr).toContain('--patience counts measurements, but --eval-every 0 makes one only');
  expect(pointless.code).toBe(2);
});

test('masks that hide nothing of a picture are refused before anything is written', async () => {
  await using world = await startWorld({ layout: 'openai', objective: 'bert' });
  const mask = Uint8Array.from({ length: 60 * 16 }, (_, i) => (Math.floor(i / 16) === 41 ? 0 : 1));
  writeFileSync(join(world.path, 'm.npy'), encodeNpy(mask, [60, 16]));
  const { code, stderr } = await world.train('out', '--objective', 'bert', '--steps', '1', '--mask', 'm.npy');

  expect(stderr).toContain('m.npy: expected a masked token in every row, but row 41 masks none');
  expect(code).toBe(1);
  expect(metricsOf(join(world.path, 'out'))).toEqual([]);
});
