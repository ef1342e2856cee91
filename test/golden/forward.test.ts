import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import type { ForwardRequest } from '../../lib/graph/forward-graph.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import type { Output } from '../../lib/runtime/session.ts';
import { distance, expectGolden, golden, goldenInputs, goldenJson, goldenNpy, magnitude } from '../support/golden.ts';

/** A checkpoint, and the golden directory with its expected values. */
const cases = [
  { model: 'hf16', values: 'hf16' },
  { model: 'oa16', values: 'oa16' },
  { model: 'oa16-hf', values: 'oa16' },
  { model: 'oa512bert', values: 'oa512bert' },
  { model: 'oa512bert-hf', values: 'oa512bert' },
];

async function run(model: string, values: string, request: ForwardRequest): Promise<Map<string, Output>> {
  const checkpoint = await openCheckpoint(golden(model));
  const { tokens, mask } = goldenInputs(values);
  const forward = await openForward(checkpoint, request);
  const outputs = await forward.execute(tokens, checkpoint.config.objective === 'bert' ? mask : undefined);
  await forward.close();
  return outputs;
}

function layersOf(values: string): number[] {
  return Array.from({ length: goldenNpy(values, 'hidden_pooled.npy').shape[0]! }, (_, l) => l);
}

/** Golden rows `[k, batch, d]` in our order, `[batch, k x d]`. */
function byPicture(array: { shape: readonly number[]; data: ArrayLike<number> }): number[] {
  const [k, batch, d] = array.shape as [number, number, number];
  return Array.from({ length: batch * k * d }, (_, i) => {
    const [picture, layer, channel] = [Math.floor(i / (k * d)), Math.floor(i / d) % k, i % d];
    return array.data[(layer * batch + picture) * d + channel]!;
  });
}

describe.each(cases)('$model', ({ model, values }) => {
  test('gives the golden logits and likelihood', async () => {
    const outputs = await run(model, values, { logits: true, likelihood: true });
    const logits = goldenNpy(values, 'logits.npy');
    expect(outputs.get('logits')?.dims).toEqual(logits.shape);
    expectGolden(outputs.get('logits')!.data, logits.data);
    expectGolden(outputs.get('likelihood')!.data, goldenNpy(values, 'token_nll.npy').data);
  });

  test('gives the golden class logits', async () => {
    const { clf_logits } = goldenJson(z.object({ clf_logits: z.array(z.array(z.number())) }), values, 'expected.json');
    const classes = (await run(model, values, { classes: true })).get('classes');
    expect(classes?.dims).toEqual([3, clf_logits[0]!.length]);
    expectGolden(classes!.data, clf_logits.flat());
  });

  test('gives the golden mean of the residual stream at every layer', async () => {
    const layers = layersOf(values).slice(0, -1);
    const hidden = goldenNpy(values, 'hidden_pooled.npy');
    const request = { features: { layers: [...layers, layers.length], norm: 'raw', pool: 'mean' } } as const;
    const features = (await run(model, values, request)).get('features');
    expectGolden(features!.data, byPicture(hidden));
  });

  test('gives the golden mean after the next norm at every layer, and after ln_f at the top', async () => {
    const last = layersOf(values).length - 1;
    const below = { layers: layersOf(values).slice(0, -1), norm: 'next', pool: 'mean' } as const;
    const top = { layers: [last], norm: 'next', pool: 'mean' } as const;
    const features = (await run(model, values, { features: below })).get('features');
    expectGolden(features!.data, byPicture(goldenNpy(values, 'ln1_pooled.npy')));
    const final = (await run(model, values, { features: top })).get('features');
    expectGolden(final!.data, goldenNpy(values, 'ln_f_pooled.npy').data);
  });

  test('gives the golden features of every token', async () => {
    const hidden = goldenNpy(values, 'hidden_tokens_img0.npy');
    const [layers, n, d] = hidden.shape as [number, number, number];
    for (let layer = 0; layer < layers; layer++) {
      const request = { features: { layers: [layer], norm: 'raw', pool: 'none' } } as const;
      const features = (await run(model, values, request)).get('features')!;
      expect(features.dims).toEqual([3, n, d]);
      expectGolden(features.data.subarray(0, n * d), hidden.data.subarray(layer * n * d, (layer + 1) * n * d));
    }
    const top = { features: { layers: [layers - 1], norm: 'next', pool: 'none' } } as const;
    expectGolden((await run(model, values, top)).get('features')!.data, goldenNpy(values, 'final_ln_f.npy').data);
  });
});

test('the attention scale uses the exact square root, which transformers truncated up to 5.18', async () => {
  const logits = (await run('hf16', 'hf16', { logits: true })).get('logits')!.data;
  expect(distance(logits, goldenNpy('hf16', 'logits_hf_int_scale_bug.npy').data)).toBeGreaterThan(1);
});

test.each(['hf16', 'oa16', 'oa16-hf'])('the last token of %s changes neither logits nor class', async (model) => {
  const checkpoint = await openCheckpoint(golden(model));
  const { n_positions: n, n_colors } = checkpoint.config;
  const forward = await openForward(checkpoint, { logits: true, classes: true, likelihood: true });
  const tokens = goldenInputs(model.slice(0, 4)).tokens.slice(0, n);
  const before = await forward.execute(tokens);
  tokens[n - 1] = (tokens[n - 1]! + 1) % n_colors;
  const after = await forward.execute(tokens);
  await forward.close();
  expect(after.get('logits')).toEqual(before.get('logits'));
  expect(after.get('classes')).toEqual(before.get('classes'));
  expect(after.get('likelihood')!.data.subarray(0, n - 1)).toEqual(before.get('likelihood')!.data.subarray(0, n - 1));
  expect(after.get('likelihood')!.data[n - 1]).not.toBe(before.get('likelihood')!.data[n - 1]);
});

test('several outputs of one execution equal those of separate executions', async () => {
  const features = { layers: [2], norm: 'next', pool: 'mean' } as const;
  const together = await run('hf16', 'hf16', { features, classes: true, likelihood: true });
  expect(together.get('features')).toEqual((await run('hf16', 'hf16', { features })).get('features'));
  expect(together.get('classes')).toEqual((await run('hf16', 'hf16', { classes: true })).get('classes'));
  expect(together.get('likelihood')).toEqual((await run('hf16', 'hf16', { likelihood: true })).get('likelihood'));
  expect(magnitude(together.get('features')!.data)).toBeGreaterThan(0);
});
