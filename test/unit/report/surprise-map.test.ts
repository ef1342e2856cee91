import { expect, test } from 'vitest';
import { rememberSurprise } from '../../../lib/report/surprise-map.ts';
import { createFakeModel } from '../../support/fake-model.ts';

/** A model that counts its predictions. */
function countingModel(natsOfTokens: Float32Array) {
  let calls = 0;
  const model = createFakeModel({
    async predict() {
      calls += 1;
      return { nats: 1, natsOfTokens };
    },
  });
  return { model, calls: () => calls };
}

test('a remembered picture is not predicted again; a byte is a sixteenth of a nat, up to 255', async () => {
  const { model, calls } = countingModel(Float32Array.of(0, 1, 0.53, 99));
  const memory = rememberSurprise(model);
  const tokens = Uint16Array.of(0, 1, 1, 0);
  await memory.model.predict(tokens);
  expect(await memory.surpriseOf(tokens.slice())).toEqual(Uint8Array.of(0, 16, 8, 255));
  expect(calls()).toBe(1);
});

test('200 pictures of earlier runs are predicted again; further ones have no map', async () => {
  const { model, calls } = countingModel(Float32Array.of(1, 1, 1, 1));
  const { surpriseOf } = rememberSurprise(model);
  const maps = [];
  for (let i = 0; i < 201; i++) maps.push(await surpriseOf(Uint16Array.of(i, 0, 0, 0)));
  expect(maps.map((map) => map !== null)).toEqual([...new Array(200).fill(true), false]);
  expect(calls()).toBe(200);
});

test('a model without likelihood is not called', async () => {
  const { surpriseOf } = rememberSurprise(createFakeModel({ outputs: ['features'] }));
  expect(await surpriseOf(Uint16Array.of(0, 0, 0, 0))).toBeNull();
});
