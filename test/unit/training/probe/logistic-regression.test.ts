import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../lib/image-gpt/random.ts';
import {
  accuracy,
  fitLogisticRegression,
  type LinearClassifier,
  predictClasses,
  prepare,
} from '../../../../lib/training/probe/logistic-regression.ts';

const random = createRandom(5, 5);
const [N, d, C] = [200, 4, 3];
const labels = Int32Array.from({ length: N }, (_, i) => i % C);
/** Three overlapping clouds of points, with one feature of another scale and one constant feature. */
const features = Float32Array.from({ length: N * d }, (_, at) => {
  const [i, j] = [Math.floor(at / d), at % d];
  return j === 3 ? 7 : (j === 0 ? 100 : 1) * ((labels[i] === j ? 1 : 0) + 3 * random());
});
const prepared = prepare({ features, labels, classes: C });

/** The loss by its textbook formula. */
function loss({ weight, bias }: LinearClassifier, penalty: number): number {
  let sum = 0;
  for (let i = 0; i < N; i++) {
    const logits = [0, 1, 2].map((c) =>
      [0, 1, 2, 3].reduce((z, j) => z + (features[i * d + j] ?? 0) * (weight[c * d + j] ?? 0), bias[c] ?? 0),
    );
    sum += Math.log(logits.reduce((z, logit) => z + Math.exp(logit), 0)) - (logits[labels[i] ?? 0] ?? 0);
  }
  return sum / N + (penalty / 2) * weight.reduce((squares, w) => squares + w * w, 0);
}

describe('logistic regression', () => {
  it('reports the loss of the weights that it returns', () => {
    const fit = fitLogisticRegression(prepared, 1e-3);

    expect(fit.converged).toBe(true);
    expect(fit.loss).toBeCloseTo(loss(fit, 1e-3), 5);
  });

  it('ends in the minimum: every step from it raises the loss', () => {
    const fit = fitLogisticRegression(prepared, 1e-3);
    for (let i = 0; i < C * d; i++) {
      for (const step of [-0.01, 0.01]) {
        const weight = fit.weight.slice();
        weight[i] = (weight[i] ?? 0) + step;
        expect(loss({ weight, bias: fit.bias }, 1e-3)).toBeGreaterThan(fit.loss - 1e-7);
      }
    }
  });

  it('ends in the same minimum from another start', () => {
    const far = fitLogisticRegression(prepared, 1);
    const warm = fitLogisticRegression(prepared, 1e-3, { start: far });
    const cold = fitLogisticRegression(prepared, 1e-3);

    expect(warm.loss).toBeCloseTo(cold.loss, 6);
  });

  it('separates the clouds, and all weights shrink under a large penalty', () => {
    const fit = fitLogisticRegression(prepared, 1e-6);
    const shrunk = fitLogisticRegression(prepared, 1e9);

    expect(accuracy(predictClasses(features, fit), labels)).toBeGreaterThan(0.5);
    expect(Math.max(...shrunk.weight.map(Math.abs))).toBeLessThan(1e-6);
    expect(shrunk.loss).toBeCloseTo(Math.log(3), 3);
  });

  it('predicts the lowest class among equal scores', () => {
    const equal = { weight: new Float64Array(2), bias: new Float64Array(2) };

    expect(predictClasses(Float32Array.of(1), equal)).toEqual(Int32Array.of(0));
  });
});
