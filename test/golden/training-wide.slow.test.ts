import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { openTrainingSession } from '../../lib/runtime/training-session.ts';
import { distance, goldenJson, goldenNpy } from '../support/golden.ts';
import { wideCheckpoint } from '../support/wide-checkpoint.ts';

// Tolerances of golden/wide.
/** Relative to the tensor's largest value. */
const entryTolerance = 2e-5;
/** Relative to the norm. */
const normTolerance = 5e-6;
const lossTolerance = 5e-6;

const tensor = z.object({
  l2: z.number(),
  max_abs: z.number(),
  index: z.array(z.number()),
  value: z.array(z.number()),
});
const gradientsSchema = z.object({ joint: z.record(z.string(), tensor), bert: z.record(z.string(), tensor) });
const inputsSchema = z.object({
  X: z.array(z.array(z.number())),
  Y: z.array(z.number()),
  bert_masked: z.array(z.array(z.number())),
});
const expectedSchema = z.object({
  joint_loss: z.number(),
  bert_loss: z.number(),
  grad_wte_rows: z.array(z.number()),
});

describe.each(['s-width', 'l-heads'])('%s', (name) => {
  test.each(['joint', 'bert'] as const)('golden gradients, %s', async (kind) => {
    await using checkpoint = await wideCheckpoint(name);
    const model = await openCheckpoint(checkpoint.directory);
    const { X, Y, bert_masked } = goldenJson(inputsSchema, 'wide', name, 'inputs.json');
    const expected = goldenJson(expectedSchema, 'wide', name, 'expected.json');
    const n = model.config.n_positions;
    const mask = new Uint8Array(X.length * n);
    bert_masked.forEach((masked, picture) => {
      for (const index of masked) mask[picture * n + index] = 1;
    });
    const bert = kind === 'bert';
    const session = await openTrainingSession(
      { ...model, config: { ...model.config, objective: bert ? 'bert' : 'ar' } },
      { loss: bert ? 'generative' : 'joint', threads: 2 },
    );
    const tokens = Int32Array.from(X.flat());
    const batch = bert ? { tokens, mask } : { tokens, labels: Int32Array.from(Y) };
    const { loss, gradients } = await session.gradients(batch);
    await session.close();
    expect(Math.abs(loss - (bert ? expected.bert_loss : expected.joint_loss))).toBeLessThan(lossTolerance);

    const d = model.config.n_embd;
    const references = goldenJson(gradientsSchema, 'wide', name, 'gradients.json')[kind];
    for (const [key, { l2, max_abs, index, value }] of Object.entries(references)) {
      const gradient = gradients.get(key);
      if (gradient === undefined) {
        expect([key, l2]).toEqual(['score.weight', 0]); // the BERT loss does not depend on it
        continue;
      }
      const actual = index.map((i) => gradient[i]!);
      expect(distance(actual, value), key).toBeLessThanOrEqual(entryTolerance * max_abs);
      const norm = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
      expect(Math.abs(norm - l2), key).toBeLessThanOrEqual(normTolerance * l2);
    }
    const table = gradients.get('transformer.wte.weight')!;
    const rows = expected.grad_wte_rows.flatMap((row) => [...table.subarray(row * d, (row + 1) * d)]);
    const { data } = goldenNpy('wide', name, `grad_wte_rows_${kind}.npy`);
    expect(distance(rows, data)).toBeLessThanOrEqual(entryTolerance * references['transformer.wte.weight']!.max_abs);
  });
});
