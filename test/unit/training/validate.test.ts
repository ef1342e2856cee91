import { expect, test } from 'vitest';
import type { Evaluation } from '../../../lib/runtime/training-session.ts';
import { validate } from '../../../lib/training/validate.ts';

const answers = (evaluations: Evaluation[]) => ({ evaluate: async () => evaluations.shift()! });

test('weighs batches by their pictures and counts right classes', async () => {
  const session = answers([
    { loss: 6, generative: 4, classification: 2, classLogits: Float32Array.of(1, 0, 0, 1, -2, -1) },
    { loss: 3, generative: 1, classification: 2, classLogits: Float32Array.of(-5, -9) },
  ]);
  const result = await validate(session, [
    { tokens: new Uint16Array(12), labels: Int32Array.of(0, 0, 1) },
    { tokens: new Uint16Array(4), labels: Int32Array.of(0) },
  ]);
  expect(result).toEqual({ loss: 5.25, generative: 3.25, classification: 2, accuracy: 0.75 });
});

test('has no accuracy without a class loss', async () => {
  expect(await validate(answers([{ loss: 4, generative: 4 }]), [{ tokens: new Uint16Array(4) }])).toEqual({
    loss: 4,
    generative: 4,
  });
});
