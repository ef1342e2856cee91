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

test('shows what the class head is for, the activation, and keys that nobody reads', async () => {
  const config = { problem_type: 'multi_label_classification', activation_function: 'swish', n_heads: 8 };
  await using several = await tinyCheckpoint({ config });
  await using regression = await tinyCheckpoint({ config: { problem_type: 'regression' } });
  const words = await igpt(['inspect', several.directory]);
  const json = await igpt(['inspect', regression.directory, '--json']);

  expect(words.stdout).toMatch(/^class head +score, 3 classes, a sigmoid each, so that several may apply$/m);
  expect(words.stdout).toMatch(/^activation +silu$/m);
  expect(words.stdout).toMatch(/^unknown keys +n_heads in config.json: ignored, as in transformers$/m);
  expect(JSON.parse(json.stdout)).toMatchObject({
    ...{ class_head: 'score', class_function: null, unknown_keys: [], activation_function: 'quick_gelu' },
    no_classes: 'config.json has problem_type regression: its outputs are values, not classes',
  });
});

test('a BERT model in Hugging Face’s layout opens with a line, in OpenAI’s without', async () => {
  await using old = await tinyCheckpoint({ objective: 'bert' });
  await using now = await tinyCheckpoint({ objective: 'bert', layout: 'openai' });
  const [first, second] = [await igpt(['inspect', old.directory]), await igpt(['inspect', now.directory])];

  expect(first.code).toBe(0);
  expect(first.stderr).toMatch(
    /^.* is a BERT model in Hugging Face's layout, .*; igpt import .* writes it in OpenAI's\n$/,
  );
  expect(second).toMatchObject({ code: 0, stderr: '' });
});
