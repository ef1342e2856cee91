import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../../lib/checkpoint/checkpoint.ts';
import { openSafetensors } from '../../../../lib/checkpoint/import/find-source.ts';
import { importCheckpoint } from '../../../../lib/checkpoint/import/import-checkpoint.ts';
import type { Precision } from '../../../../lib/ports/model.ts';
import { openForward } from '../../../../lib/runtime/forward.ts';
import { inPrecision } from '../../../../lib/runtime/precision.ts';
import { openTrainingSession } from '../../../../lib/runtime/training-session.ts';
import { expectGolden, golden } from '../../../support/golden.ts';
import { randomTokens, tinyCheckpoint } from '../../../support/tiny-checkpoint.ts';
import { sourceBytes } from '../source-values.ts';

describe('a BERT model in Hugging Face’s layout, as igpt wrote it before', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openai-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const imported = (path: string) => importCheckpoint(path, join(folder, crypto.randomUUID()));

  it('is imported into OpenAI’s layout with the bytes of OpenAI’s checkpoint', async () => {
    const { checkpoint } = await imported(golden('oa512bert-hf'));
    await using ours = await openSafetensors(join(checkpoint.directory, 'model.safetensors'));
    await using theirs = await openSafetensors(golden('oa512bert', 'model.safetensors'));

    expect([...ours.tensors.keys()].sort()).toEqual([...theirs.tensors.keys()].sort());
    for (const name of theirs.tensors.keys()) {
      expect(await sourceBytes(ours, name), name).toEqual(await sourceBytes(theirs, name));
    }
    const config: unknown = JSON.parse(await readFile(join(checkpoint.directory, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ n_vocab: 512, n_ctx: 64, bert: true });
    expect(config).not.toHaveProperty('model_type');
    expect(config).not.toHaveProperty('architectures');
  });

  it('keeps biases, another activation, another MLP width, its classes and what they are for', async () => {
    await using tiny = await tinyCheckpoint({
      objective: 'bert',
      config: { activation_function: 'gelu', problem_type: 'multi_label_classification' },
    });
    const before = await openCheckpoint(tiny.directory);
    const { checkpoint: after } = await imported(tiny.directory);

    expect(before.weights.layout).toBe('huggingface');
    expect(after.weights.layout).toBe('openai');
    expect(after.config).toEqual(before.config);
    expect(after.labels).toEqual(['class 0', 'class 1', 'class 2']);
    expect(after.classFunction).toBe('sigmoid');
    const tokens = randomTokens(5, 2 * 16, 8);
    const mask = Uint8Array.from(tokens, (_, i) => (i % 3 === 0 ? 1 : 0));
    const run = async (checkpoint: typeof after, precision: Precision, output: 'logits' | 'classes') => {
      const precise = await inPrecision(checkpoint, precision, { folder: join(folder, 'derived') });
      await using pass = await openForward(precise.checkpoint, { [output]: true });
      return (await pass.execute(tokens, mask)).get(output)?.data ?? new Float32Array(0);
    };
    for (const output of ['logits', 'classes'] as const) {
      expectGolden(await run(after, 'f32', output), await run(before, 'f32', output));
      expectGolden(await run(after, 'int8-block', output), await run(before, 'int8-block', output));
    }
    const losses: (number | undefined)[] = [];
    for (const checkpoint of [before, after]) {
      await using session = await openTrainingSession(checkpoint, { loss: 'generative' });
      const batch = { tokens, mask };
      for (const step of [1, 2, 3]) await session.step(batch, { step, learningRate: 0.01 });
      losses.push((await session.evaluate(batch)).loss);
    }
    expect(losses[1]).toBeCloseTo(losses[0] ?? Number.NaN, 4);
  });

  it('keeps a start token, which a training with --objective ar can use', async () => {
    await using tiny = await tinyCheckpoint({ objective: 'bert' });
    const { checkpoint } = await imported(tiny.directory);

    expect(checkpoint.weights.sos?.shape).toEqual([16]);
  });
});
