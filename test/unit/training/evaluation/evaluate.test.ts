import { describe, expect, it } from 'vitest';
import type { ForwardPool } from '../../../../lib/runtime/forward-pool.ts';
import type { Output } from '../../../../lib/runtime/session.ts';
import { tokenDataSet } from '../../../../lib/training/data/data-set.ts';
import { evaluate } from '../../../../lib/training/evaluation/evaluate.ts';

/** 40 pictures of 4 tokens. Each token is the picture's class: its number modulo 3. */
const N = 40;
const labels = Int32Array.from({ length: N }, (_, i) => i % 3);
const dataSet = tokenDataSet(
  'x',
  Uint16Array.from({ length: 4 * N }, (_, i) => Math.floor(i / 4) % 3),
  4,
  labels,
);
const rows = Uint32Array.from({ length: N }, (_, i) => i);

/** Predicts the first token as the class. A token costs 1 nat, a masked one 3. */
function fakePool(change: (logits: Float32Array) => void = () => {}): ForwardPool {
  return {
    threads: 2,
    close: async () => {},
    async [Symbol.asyncDispose]() {},
    async execute({ tokens, mask }) {
      const batch = tokens.length / 4;
      const classes = new Float32Array(batch * 3);
      for (let i = 0; i < batch; i++) classes[3 * i + (tokens[4 * i] ?? 0)] = 5;
      change(classes);
      const likelihood = Float32Array.from(tokens, (_, i) => (mask?.[i] === 1 ? 3 : 1));
      return new Map<string, Output>([
        ['classes', { data: classes, dims: [batch, 3] }],
        ['likelihood', { data: likelihood, dims: [batch, 4] }],
      ]);
    },
  };
}

const ar = { objective: 'ar', classFunction: 'softmax', masks: 5, seed: 1 } as const;

describe('an evaluation', () => {
  it('measures accuracy and likelihood of an autoregressive model', async () => {
    const evaluation = await evaluate(fakePool(), dataSet, rows, labels, ar);

    expect(evaluation).toMatchObject({ pictures: N, natsPerToken: 1, bitsPerPixel: Math.LOG2E });
    expect(evaluation.scores).toMatchObject({ top1: 1, top5: 1 });
    expect([...(evaluation.scores?.confusion ?? [])]).toEqual([14, 0, 0, 0, 13, 0, 0, 0, 13]);
  });

  it('measures a BERT model on the masked tokens only', async () => {
    const evaluation = await evaluate(fakePool(), dataSet, rows, labels, { ...ar, objective: 'bert' });

    expect(evaluation.natsPerToken).toBe(3);
  });

  it('gives a BERT model no likelihood without masks', async () => {
    const evaluation = await evaluate(fakePool(), dataSet, rows, labels, { ...ar, objective: 'bert', masks: 0 });

    expect(evaluation.natsPerToken).toBeUndefined();
    expect(evaluation.scores?.top1).toBe(1);
  });

  it('lets the masks of a BERT model vote', async () => {
    // One of three masks predicts the next class instead, and is outvoted.
    let call = 0;
    const pool = fakePool((logits) => {
      call += 1;
      if (call <= 3) logits.copyWithin(1, 0, logits.length - 1);
    });
    const evaluation = await evaluate(pool, dataSet, rows, labels, { ...ar, objective: 'bert', masks: 3 });

    expect(evaluation.scores?.top1).toBe(1);
  });

  it('reads only the given rows', async () => {
    const evaluation = await evaluate(fakePool(), dataSet, Uint32Array.of(1, 4, 7), labels, ar);

    expect([...(evaluation.scores?.confusion ?? [])]).toEqual([0, 0, 0, 0, 3, 0, 0, 0, 0]);
  });

  it('has no scores without labels', async () => {
    expect((await evaluate(fakePool(), dataSet, rows, undefined, ar)).scores).toBeUndefined();
  });

  it('fails when the model’s outputs are not finite', async () => {
    const pool = fakePool((logits) => logits.fill(Number.NaN));

    await expect(evaluate(pool, dataSet, rows, labels, ar)).rejects.toMatchObject({ code: 'inference_failed' });
  });
});
