import type { Model } from '../../lib/ports/model.ts';

/** Time to store an outcome and publish its event, with a retry of a request that hangs (milliseconds). */
const deliverMs = 10_000;

/** A prediction may take this many times as long as the slowest so far. */
const slack = 1.5;

export interface TimedModel<M extends Model> {
  model: M;
  /**
   * Time before Lambda's time limit in which no picture begins, because it could not end (milliseconds). Until a prediction
   * has ended: half of `givenMs`, the time that the delivery has in all. A delivery is made to take a third of it.
   */
  reserveMs(givenMs: number): number;
}

/** Measures how long predictions take, including the wait for the thread's picture before. */
export function timePredictions<M extends Model>(model: M): TimedModel<M> {
  let slowestMs: number | undefined;
  return {
    model: {
      ...model,
      async predict(tokens) {
        const started = performance.now();
        const prediction = await model.predict(tokens);
        slowestMs = Math.max(slowestMs ?? 0, performance.now() - started);
        return prediction;
      },
    },
    reserveMs: (givenMs) => (slowestMs === undefined ? givenMs / 2 : slowestMs * slack + deliverMs),
  };
}
