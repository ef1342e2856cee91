import { describe, expect, test } from 'vitest';
import { outcome } from '../../../lib/contracts/outcome.ts';
import { labelledClasses, predictionOutcome } from '../../../lib/pipeline/prediction-outcome.ts';
import type { Prediction } from '../../../lib/ports/model.ts';
import { createFakeModel } from '../../support/fake-model.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

test('the most probable classes come first, named by label or by number', () => {
  // e^0 : e^ln 3 = 1 : 3
  const classes = labelledClasses(Float32Array.of(0, Math.log(3)), { labels: ['cat'], classFunction: 'softmax' }, 5);
  expect(classes.map(({ label, index }) => [label, index])).toEqual([
    ['class 1', 1],
    ['cat', 0],
  ]);
  expect(classes[0]?.probability).toBeCloseTo(0.75, 6);
});

test('labels of a model for several at a time have their own probabilities', () => {
  const model = { labels: ['striped', 'round'], classFunction: 'sigmoid' } as const;
  const classes = labelledClasses(Float32Array.of(0, Math.log(3)), model, 5);
  expect(classes.map(({ label }) => label)).toEqual(['round', 'striped']);
  expect(classes[0]?.probability).toBeCloseTo(0.75, 6);
  expect(classes[1]?.probability).toBe(0.5);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])('a logit of %f fails the picture', (logit) => {
  expect(() => labelledClasses(Float32Array.of(0, logit), { labels: [], classFunction: 'softmax' }, 1)).toThrow(
    expect.objectContaining({ code: 'inference_failed' }),
  );
});

describe('the outcome of a prediction', () => {
  const picture = {
    key: 'a.jpg',
    etag: '"1"',
    image: { format: 'jpeg', width: 2, height: 3, bytes: 4 },
    tokens: 'AA==',
  };

  function outcomeOf(prediction: Prediction, labels = ['cat', 'dog']) {
    return predictionOutcome({ clock: createVirtualClock(), model: createFakeModel({ labels }) }, picture, prediction);
  }
  test('holds what the contract says', () => {
    const made = outcomeOf({
      classLogits: Float32Array.of(0, Math.log(3)),
      features: Float32Array.of(1),
      nats: Math.LN2,
    });
    expect(outcome.parse(JSON.parse(JSON.stringify(made)))).toEqual(made);
    expect(made.classification).toMatchObject({ label: 'dog', index: 1 });
    expect(made.classification?.probability).toBeCloseTo(0.75, 6);
    expect(made.classification?.top5.map(({ label }) => label)).toEqual(['dog', 'cat']);
    expect(made.likelihood).toEqual({ nats_per_token: Math.LN2, bits_per_pixel: 1 });
  });

  test('has null for outputs that were not computed', () => {
    expect(outcomeOf({})).toMatchObject({ classification: null, features: null, likelihood: null });
  });

  test('names a class without a label by its number', () => {
    expect(outcomeOf({ classLogits: Float32Array.of(0, 0, 1) }).classification?.label).toBe('class 2');
  });

  test('keeps every feature exact as a float32', () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => Math.fround(Math.sin(i) * 10 ** ((i % 60) - 30)));
    const made = outcomeOf({ features: values });
    expect(Float32Array.from(JSON.parse(JSON.stringify(made.features?.values)))).toEqual(values);
  });

  test.each([
    { nats: Number.NaN },
    { features: Float32Array.of(1, Number.POSITIVE_INFINITY) },
    { classLogits: Float32Array.of(Number.NaN, 1) },
  ])('fails for non-finite numbers: %j', (prediction) => {
    expect(() => outcomeOf(prediction)).toThrow(/Expected finite numbers from the model, received/);
  });
});
