import { cholesky } from './cholesky.ts';
import { crossEntropy } from './cross-entropy.ts';
import { type LbfgsResult, minimize } from './lbfgs.ts';

/** N examples of C classes with d features each. */
export interface Examples {
  /** [N, d] */
  features: Float32Array;
  /** [N], 0..C-1 */
  labels: Int32Array;
  /** C */
  classes: number;
}

export interface LinearClassifier {
  /** [C, d] */
  weight: Float64Array;
  /** [C] */
  bias: Float64Array;
}

export interface Fit extends LinearClassifier {
  /** Mean cross-entropy plus `penalty` / 2 times the sum of squared weights. */
  loss: number;
  iterations: number;
  converged: boolean;
}

/** Centred and scaled examples, which make every fit on them well-conditioned. */
export interface Prepared {
  /** [N, d], each column with mean 0 and standard deviation 1. */
  standardized: Float32Array;
  labels: Int32Array;
  classes: number;
  /** [d] */
  mean: Float64Array;
  /** Standard deviation [d]; 1 for a constant column. */
  deviation: Float64Array;
  /** [d, d], the lower half only. */
  correlation: Float64Array;
}

export interface FitOptions {
  /** Where to start, for example the fit with another penalty. Default: zeros. */
  start?: LinearClassifier | undefined;
  /** Converged when no component of the gradient (by standardised features) is larger (default 1e-5). */
  gradientTolerance?: number;
}

/** Copies the examples with centred and scaled columns. */
export function prepare({ features, labels, classes }: Examples): Prepared {
  const count = labels.length;
  const d = features.length / count;
  const mean = new Float64Array(d);
  const deviation = new Float64Array(d);
  for (let i = 0; i < features.length; i++) mean[i % d] = (mean[i % d] ?? 0) + (features[i] ?? 0) / count;
  for (let i = 0; i < features.length; i++) {
    const off = (features[i] ?? 0) - (mean[i % d] ?? 0);
    deviation[i % d] = (deviation[i % d] ?? 0) + (off * off) / count;
  }
  for (let j = 0; j < d; j++) deviation[j] = Math.sqrt(deviation[j] ?? 0) || 1;
  const standardized = new Float32Array(features.length);
  for (let i = 0; i < features.length; i++) {
    standardized[i] = ((features[i] ?? 0) - (mean[i % d] ?? 0)) / (deviation[i % d] ?? 1);
  }
  return { standardized, labels, classes, mean, deviation, correlation: correlations(standardized, d) };
}

/** Mean outer product [d, d] of the rows, the lower half only. */
function correlations(rows: Float32Array, d: number): Float64Array {
  const products = new Float64Array(d * d);
  for (let row = 0; row < rows.length; row += d) {
    for (let j = 0; j < d; j++) {
      const x = rows[row + j] ?? 0;
      const at = j * d;
      for (let k = 0; k <= j; k++) products[at + k] = (products[at + k] ?? 0) + x * (rows[row + k] ?? 0);
    }
  }
  return products.map((sum) => (sum * d) / rows.length);
}

/**
 * Fits weights and biases that minimise the mean cross-entropy plus `penalty` / 2 times the sum of squared weights;
 * biases have no penalty. This is scikit-learn's LogisticRegression with C = 1 / (N penalty). Solving for scaled
 * features is faster and has the same minimum.
 */
export function fitLogisticRegression(prepared: Prepared, penalty: number, options: FitOptions = {}): Fit {
  const { start, gradientTolerance = 1e-5 } = options;
  const { classes, mean, deviation } = prepared;
  const d = mean.length;
  const kernel = crossEntropy(prepared.standardized, prepared.labels, classes);
  const shape = classes * d;
  const objective = (x: Float64Array, gradient: Float64Array): number => {
    let value = kernel(x.subarray(0, shape), x.subarray(shape), gradient);
    for (let c = 0, i = 0; c < classes; c++) {
      for (let j = 0; j < d; j++, i++) {
        const sigma = deviation[j] ?? 1;
        const weight = (x[i] ?? 0) / sigma;
        value += 0.5 * penalty * weight * weight;
        gradient[i] = (gradient[i] ?? 0) + (penalty * weight) / sigma;
      }
    }
    return value;
  };
  const from = start === undefined ? new Float64Array(shape + classes) : toScaled(start);
  const precondition = hessianAtEqualOdds(prepared, penalty);
  return fromScaled(minimize(objective, from, { gradientTolerance, precondition }));

  function toScaled({ weight, bias }: LinearClassifier): Float64Array {
    const x = new Float64Array(shape + classes);
    for (let c = 0, i = 0; c < classes; c++) {
      let shift = bias[c] ?? 0;
      for (let j = 0; j < d; j++, i++) {
        x[i] = (weight[i] ?? 0) * (deviation[j] ?? 1);
        shift += (weight[i] ?? 0) * (mean[j] ?? 0);
      }
      x[shape + c] = shift;
    }
    return x;
  }

  function fromScaled({ x, value, iterations, converged }: LbfgsResult): Fit {
    const weight = new Float64Array(shape);
    const bias = new Float64Array(classes);
    for (let c = 0, i = 0; c < classes; c++) {
      let shift = x[shape + c] ?? 0;
      for (let j = 0; j < d; j++, i++) {
        weight[i] = (x[i] ?? 0) / (deviation[j] ?? 1);
        shift -= (weight[i] ?? 0) * (mean[j] ?? 0);
      }
      bias[c] = shift;
    }
    return { weight, bias, loss: value, iterations, converged };
  }
}

/**
 * Preconditioner: divides gradients by the Hessian for equally likely classes, class by class. Features of different
 * channels are correlated; without the preconditioner a fit takes thousands of steps.
 */
function hessianAtEqualOdds({ classes, deviation, correlation }: Prepared, penalty: number) {
  const d = deviation.length;
  const odds = (1 / classes) * (1 - 1 / classes);
  const hessian = correlation.map((product) => odds * product);
  deviation.forEach((sigma, j) => {
    hessian[j * d + j] = (hessian[j * d + j] ?? 0) + penalty / sigma ** 2;
  });
  const solve = cholesky(hessian, d);
  return (gradient: Float64Array): void => {
    for (let c = 0; c < classes; c++) {
      solve(gradient.subarray(c * d, (c + 1) * d));
      gradient[classes * d + c] = (gradient[classes * d + c] ?? 0) / odds;
    }
  };
}

/** Class with the highest score in each row [N]; the lowest index among equals. */
export function predictClasses(features: Float32Array, { weight, bias }: LinearClassifier): Int32Array {
  const classes = bias.length;
  const d = weight.length / classes;
  return Int32Array.from({ length: features.length / d }, (_, i) => {
    let best = 0;
    let highest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) {
      let score = bias[c] ?? 0;
      for (let j = 0; j < d; j++) score += (features[i * d + j] ?? 0) * (weight[c * d + j] ?? 0);
      if (score > highest) {
        highest = score;
        best = c;
      }
    }
    return best;
  });
}

/** Share of right predictions, 0..1. */
export function accuracy(predicted: Int32Array, labels: Int32Array): number {
  return predicted.reduce((right, label, i) => right + (label === labels[i] ? 1 : 0), 0) / labels.length;
}
