import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { timePredictions } from '../../../functions/infer/time-predictions.ts';
import { createFakeModel } from '../../support/fake-model.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A model whose predictions take these times in turn (milliseconds). */
function modelThatTakes(...times: number[]) {
  return createFakeModel({
    async predict() {
      await vi.advanceTimersByTimeAsync(times.shift() ?? 0);
      return { nats: 1 };
    },
  });
}

it('reserves half of the time until a prediction has ended', () => {
  expect(timePredictions(modelThatTakes()).reserveMs(60_000)).toBe(30_000);
});

it('reserves 1.5 times the slowest prediction, and 10 s to deliver its outcome', async () => {
  const { model, reserveMs } = timePredictions(modelThatTakes(2000, 4000, 1000));
  const tokens = new Uint16Array(4);
  for (const expected of [13_000, 16_000, 16_000]) {
    expect(await model.predict(tokens)).toEqual({ nats: 1 });
    expect(reserveMs(60_000)).toBe(expected);
  }
});

it('leaves the model as it is otherwise', () => {
  const given = createFakeModel();
  expect(timePredictions(given).model).toMatchObject({ id: given.id, tokens: given.tokens, labels: given.labels });
});
