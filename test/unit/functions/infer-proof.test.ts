import { expect, it } from 'vitest';
import { isProofRequest, prove } from '../../../functions/infer/proof.ts';
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

  expect(await prove(model)).toEqual({ proved: true, model: 'fake-1' });
  expect(seen).toEqual([Uint16Array.of(0, 1, 0, 1)]);
});

it.each([
  ['a class logit', { classLogits: Float32Array.of(0, Number.NaN) }],
  ['a feature', { features: Float32Array.of(Number.POSITIVE_INFINITY, 0) }],
  ['the likelihood', { nats: Number.NaN }],
])('fails when %s is not finite', async (_, prediction) => {
  const model = createFakeModel({ predict: async () => prediction });

  await expect(prove(model)).rejects.toMatchObject({ code: 'inference_failed' });
});

it('fails as the model fails', async () => {
  const model = createFakeModel({ predict: () => Promise.reject(new Error('no memory')) });

  await expect(prove(model)).rejects.toThrow('no memory');
});

it.each([
  [{ prove: true }, true],
  [{ prove: false }, false],
  [{ Records: [] }, false],
  // CDK's trigger calls a function with an empty event.
  [{}, true],
  [null, true],
  [undefined, true],
  ['prove', false],
  [{ records: [] }, false],
])('is asked for by { prove: true } or an empty event: %j', (event, expected) => {
  expect(isProofRequest(event)).toBe(expected);
});
