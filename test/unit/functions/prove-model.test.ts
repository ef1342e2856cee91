import { expect, it } from 'vitest';
import { proveModel } from '../../../functions/prove-model.ts';
import { createFakeModel } from '../../support/fake-model.ts';

it('predicts a picture of all colours in turn', async () => {
  const { predict } = createFakeModel();
  const seen: Uint16Array[] = [];
  const model = createFakeModel({
    predict(tokens) {
      seen.push(tokens);
      return predict(tokens);
    },
  });

  await proveModel(model);
  expect(seen).toEqual([Uint16Array.of(0, 1, 0, 1)]);
});

it.each([
  ['a class logit', { classLogits: Float32Array.of(0, Number.NaN) }],
  ['a feature', { features: Float32Array.of(Number.POSITIVE_INFINITY, 0) }],
  ['the likelihood', { nats: Number.NaN }],
])('fails when %s is not finite', async (_, prediction) => {
  const model = createFakeModel({ predict: async () => prediction });

  await expect(proveModel(model)).rejects.toMatchObject({ code: 'inference_failed' });
});

it('fails as the model fails', async () => {
  const model = createFakeModel({ predict: () => Promise.reject(new Error('no memory')) });

  await expect(proveModel(model)).rejects.toThrow('no memory');
});
