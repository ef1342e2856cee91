import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import type { TrainingBatch } from '../../lib/runtime/training-batch.ts';
import { openTrainingSession, type TrainingOptions } from '../../lib/runtime/training-session.ts';
import { distance, golden, goldenJson, magnitude } from '../support/golden.ts';
import { readTensors } from '../support/safetensors-file.ts';

/** Relative to the tensor's largest value, or to 1 if that is larger. */
const gradientTolerance = 1e-5;
/** Tolerance of the golden files: torch in float32 differs from float64 by 8e-6. */
const parameterTolerance = 1e-5;
const lossTolerance = 1e-5;

const numbers = z.array(z.number());
const rows = z.array(numbers);
const inputsSchema = z.object({
  X: rows,
  Y: numbers,
  bert_masked: rows,
  opt_X: z.array(rows),
  opt_Y: rows,
  opt_bert_masked: z.array(rows),
});
const expectedSchema = z.object({
  gen_loss: z.number(),
  clf_loss: z.number(),
  adam_losses: numbers,
  adamw_losses: numbers,
  bert_loss_same_weights: z.number().optional(),
});

describe.each(['hf16', 'oa16', 'oa512bert'])('%s', (name) => {
  const inputs = goldenJson(inputsSchema, name, 'inputs.json');
  const expected = goldenJson(expectedSchema, name, 'expected.json');
  const bert = name === 'oa512bert';
  const batchOf = (X: number[][], Y: number[], masked: number[][] | undefined): TrainingBatch => ({
    tokens: Int32Array.from(X.flat()),
    labels: Int32Array.from(Y),
    ...(bert && { mask: Uint8Array.from(masked!.flat()) }),
  });
  const batch = batchOf(inputs.X, inputs.Y, inputs.bert_masked);
  const open = async (options: TrainingOptions) => {
    const model = await openCheckpoint(golden(name));
    return { session: await openTrainingSession(model, options), d: model.config.n_embd };
  };

  test.each([
    { loss: 'generative', file: 'grad_gen.safetensors', recompute: false, microBatch: 3 },
    { loss: 'joint', file: 'grad_joint.safetensors', recompute: false, microBatch: 3 },
    { loss: 'joint', file: 'grad_joint.safetensors', recompute: false, microBatch: 1 },
    { loss: 'joint', file: 'grad_joint.safetensors', recompute: true, microBatch: 2 },
  ] as const)('golden gradients of the $loss loss, recompute $recompute, $microBatch at once', async (given) => {
    const { session } = await open(given);
    const { gradients, generative, classification } = await session.gradients(batch);
    await session.close();
    expect(Math.abs(generative! - expected.gen_loss)).toBeLessThan(lossTolerance);
    if (given.loss === 'joint') expect(Math.abs(classification! - expected.clf_loss)).toBeLessThan(lossTolerance);
    const reference = await readTensors(golden(name, given.file));
    for (const [tensor, values] of reference) {
      const gradient = gradients.get(tensor) ?? new Float32Array(values.length); // the loss does not depend on it
      expect(distance(gradient, values), tensor).toBeLessThanOrEqual(gradientTolerance * magnitude(values));
    }
    expect([...gradients.keys()].filter((tensor) => !reference.has(tensor))).toEqual([]);
  });

  test.each([
    { kind: 'adam', weightDecay: 0, recompute: false },
    { kind: 'adamw', weightDecay: 0.01, recompute: false },
    { kind: 'adamw', weightDecay: 0.01, recompute: true },
  ] as const)(
    'golden weights after three steps of $kind, recompute $recompute',
    async ({ recompute, ...optimizer }) => {
      const { session, d } = await open({ loss: 'joint', optimizer, recompute });
      const losses: number[] = [];
      for (const [i, X] of inputs.opt_X.entries()) {
        const next = batchOf(X, inputs.opt_Y[i]!, inputs.opt_bert_masked[i]);
        losses.push((await session.step(next, { step: i + 1, learningRate: 1e-3 })).loss);
      }
      await session.close();
      expect(distance(losses, expected[`${optimizer.kind}_losses`])).toBeLessThan(lossTolerance);
      const reference = await readTensors(golden(name, `params_after_3_${optimizer.kind}.safetensors`));
      expect(session.parameters.map((tensor) => tensor.name).sort()).toEqual([...reference.keys()].sort());
      for (const { name: tensor, data } of session.parameters) {
        const values = reference.get(tensor)!;
        // The true gradient of the key bias is 0; Adam turns its rounding errors into steps.
        const isKeyBias = (i: number) => tensor.endsWith('c_attn.bias') && i >= d && i < 2 * d;
        const actual = data.map((value, i) => (isKeyBias(i) ? values[i]! : value));
        expect(distance(actual, values), tensor).toBeLessThanOrEqual(parameterTolerance);
      }
    },
  );
});

test('an autoregressive model used as a BERT model has the golden loss', async () => {
  const model = await openCheckpoint(golden('oa16'));
  const inputs = goldenJson(inputsSchema, 'oa16', 'inputs.json');
  const { bert_loss_same_weights: expected } = goldenJson(expectedSchema, 'oa16', 'expected.json');
  const config = { ...model.config, objective: 'bert' } as const;
  const session = await openTrainingSession({ ...model, config }, { loss: 'generative' });
  const tokens = Int32Array.from(inputs.X.flat());
  const { loss } = await session.evaluate({ tokens, mask: Uint8Array.from(inputs.bert_masked.flat()) });
  await session.close();
  expect(Math.abs(loss - expected!)).toBeLessThan(lossTolerance);
});
