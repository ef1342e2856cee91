import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeProbe } from '../../lib/checkpoint/probe.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt } from './igpt-process.ts';

test('shows which layers a probe reads, and after which norm', async () => {
  await using model = await tinyCheckpoint({ classes: 0 });
  await writeProbe(join(model.directory, 'probe.safetensors'), {
    layers: [1, 2],
    norm: 'raw',
    labels: ['cat', 'dog'],
    weight: new Float32Array(2 * 32),
    bias: new Float32Array(2),
  });
  const words = await igpt(['inspect', model.directory]);
  const json = await igpt(['inspect', model.directory, '--json']);

  expect(words.stdout).toMatch(/^probe +layers 1, 2, norm raw$/m);
  expect(JSON.parse(json.stdout)).toMatchObject({ class_head: 'probe', probe: { layers: [1, 2], norm: 'raw' } });
});

test('a model without a probe shows none', async () => {
  await using model = await tinyCheckpoint();
  const { stdout } = await igpt(['inspect', model.directory, '--json']);

  expect(JSON.parse(stdout)).toMatchObject({ class_head: 'score', probe: null });
});
