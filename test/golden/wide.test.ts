import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import type { ImageGptModel } from '../../lib/graph/forward-graph.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import type { Output } from '../../lib/runtime/session.ts';
import { distance, goldenJson, goldenNpy } from '../support/golden.ts';
import { type WideCheckpoint, wideCheckpoint } from '../support/wide-checkpoint.ts';

// Tolerances of golden/wide: four times the error of plain sequential float32 against float64.
const logitTolerance = 5e-5;
const pooledTolerance = 2e-5;
/** For the case outliers, where two channels are 40 times the others. */
const outlierTolerance = 2e-4;

const inputsSchema = z.object({
  X: z.array(z.array(z.number())),
  bert_masked: z.array(z.array(z.number())),
  logit_positions: z.array(z.number()),
});
const expectedSchema = z.object({
  clf_logits: z.array(z.array(z.number())),
  bert_clf_logits: z.array(z.array(z.number())).optional(),
});

describe.each(['s-width', 'l-heads', 'outliers'])('%s', (name) => {
  let checkpoint: WideCheckpoint;
  let model: ImageGptModel;
  const inputs = goldenJson(inputsSchema, 'wide', name, 'inputs.json');
  const expected = goldenJson(expectedSchema, 'wide', name, 'expected.json');
  const tokens = Int32Array.from(inputs.X.flat());

  beforeAll(async () => {
    checkpoint = await wideCheckpoint(name);
    model = await openCheckpoint(checkpoint.directory);
  });
  afterAll(() => checkpoint[Symbol.asyncDispose]());

  test('gives the golden logits, likelihood and class logits', async () => {
    const forward = await openForward(model, { logits: true, likelihood: true, classes: true }, { threads: 2 });
    const outputs = await forward.execute(tokens);
    await forward.close();
    expect(distance(atPositions(outputs.get('logits')!), goldenNpy('wide', name, 'logits.npy').data)).toBeLessThan(
      logitTolerance,
    );
    expect(distance(outputs.get('likelihood')!.data, goldenNpy('wide', name, 'token_nll.npy').data)).toBeLessThan(
      logitTolerance,
    );
    expect(distance(outputs.get('classes')!.data, expected.clf_logits.flat())).toBeLessThan(pooledTolerance);
  });

  test.each([
    { norm: 'raw', file: 'hidden_pooled.npy', tolerance: pooledTolerance },
    { norm: 'next', file: 'normed_pooled.npy', tolerance: name === 'outliers' ? outlierTolerance : pooledTolerance },
  ] as const)('gives the golden pooled features of every layer, norm $norm', async ({ norm, file, tolerance }) => {
    const layers = Array.from({ length: model.config.n_layer + 1 }, (_, l) => l);
    const forward = await openForward(model, { features: { layers, norm, pool: 'mean' } }, { threads: 2 });
    const features = (await forward.execute(tokens)).get('features')!;
    await forward.close();
    const d = model.config.n_embd;
    const { data, shape } = goldenNpy('wide', name, file);
    const [, batch] = shape as [number, number, number];
    for (const l of layers) {
      for (let picture = 0; picture < batch; picture++) {
        const at = (picture * layers.length + l) * d;
        const from = (l * batch + picture) * d;
        expect(distance(features.data.subarray(at, at + d), data.subarray(from, from + d))).toBeLessThan(tolerance);
      }
    }
  });

  const bertClasses = expected.bert_clf_logits;
  const testBert = bertClasses === undefined ? () => {} : test;
  testBert('gives the golden values as a BERT model', async () => {
    const bert: ImageGptModel = { ...model, config: { ...model.config, objective: 'bert' } };
    const n = model.config.n_positions;
    const mask = new Uint8Array(tokens.length);
    inputs.bert_masked.forEach((masked, picture) => {
      for (const index of masked) mask[picture * n + index] = 1;
    });
    const forward = await openForward(bert, { likelihood: true, classes: true }, { threads: 2 });
    const outputs = await forward.execute(tokens, mask);
    await forward.close();
    expect(distance(outputs.get('likelihood')!.data, goldenNpy('wide', name, 'bert_token_nll.npy').data)).toBeLessThan(
      logitTolerance,
    );
    expect(distance(outputs.get('classes')!.data, bertClasses!.flat())).toBeLessThan(pooledTolerance);
  });

  /** Rows of the logits at the stored positions `[batch, 8, V]`. */
  function atPositions({ data, dims }: Output): number[] {
    const [batch, n, colors] = dims as [number, number, number];
    return Array.from({ length: batch }, (_, picture) =>
      inputs.logit_positions.flatMap((position) =>
        Array.from(data.subarray((picture * n + position) * colors, (picture * n + position + 1) * colors)),
      ),
    ).flat();
  }
});
