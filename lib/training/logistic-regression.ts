import { type LbfgsResult, minimize } from './lbfgs.ts';

/** What a multinomial logistic regression is fitted to. */
export interface Examples {
  /** [N, d] */
  features: Float32Array;
  /** [N], 0..classes-1 */
  labels: Int32Array;
  /** C */
  classes: number;
}

export interface LinearClassifier {
  /** [C, d], out x in */
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

/** Examples centred and scaled, so that every fit on them starts from a well-conditioned problem. */
export interface Prepared {
  /** [N, d], zero mean and unit deviation in each column. */
  standardized: Float32Array;
  labels: Int32Array;
  classes: number;
  /** [d] */
  mean: Float64Array;
  /** [d]; 1 where a column is constant. */
  deviation: Float64Array;
}

/** Classes are summed four at a time: independent chains of additions, and one load of a feature for all. */
const LANES = 4;

export interface FitOptions {
  /** Where to begin, for instance the fit of another penalty. Default: zero. */
  start?: LinearClassifier;
  /** Done when no component of the gradient, in scaled coordinates, is larger. Default 1e-4, scikit-learn's in its own. */
  gradientTolerance?: number;
}

/** Centres and scales the columns of the examples, into a copy. */
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
  return { standardized, labels, classes, mean, deviation };
}

/**
 * Fits weights and biases that minimise the mean cross-entropy plus `penalty` / 2 times the sum of squared weights
 * (biases go free): scikit-learn's LogisticRegression with C = 1 / (N penalty). The problem is solved in scaled
 * coordinates, which changes the way to the minimum and not where it lies.
 */
export function fitLogisticRegression(prepared: Prepared, penalty: number, options: FitOptions = {}): Fit {
  const { start, gradientTolerance = 1e-4 } = options;
  const { classes, mean, deviation } = prepared;
  const d = mean.length;
  // Diagonal of the Hessian: what the data give at equal odds, and the penalty. Dividing by its root evens it out.
  const odds = (1 / classes) * (1 - 1 / classes);
  const step = deviation.map((sigma) => 1 / Math.sqrt(odds + penalty / sigma ** 2));
  const kernel = crossEntropy(prepared);
  const shape = classes * d;
  const scaled = new Float64Array(shape);
  const objective = (x: Float64Array, gradient: Float64Array): number => {
    for (let c = 0, i = 0; c < classes; c++) {
      for (let j = 0; j < d; j++, i++) scaled[i] = (x[i] ?? 0) * (step[j] ?? 0);
    }
    let value = kernel(scaled, x.subarray(shape), gradient);
    for (let c = 0, i = 0; c < classes; c++) {
      for (let j = 0; j < d; j++, i++) {
        const weight = (scaled[i] ?? 0) / (deviation[j] ?? 1);
        value += 0.5 * penalty * weight * weight;
        gradient[i] = ((gradient[i] ?? 0) + (penalty * weight) / (deviation[j] ?? 1)) * (step[j] ?? 0);
      }
    }
    return value;
  };
  const from = start === undefined ? new Float64Array(shape + classes) : toScaled(start);
  return fromScaled(minimize(objective, from, { gradientTolerance }));

  function toScaled({ weight, bias }: LinearClassifier): Float64Array {
    const x = new Float64Array(shape + classes);
    for (let c = 0, i = 0; c < classes; c++) {
      let shift = bias[c] ?? 0;
      for (let j = 0; j < d; j++, i++) {
        x[i] = ((weight[i] ?? 0) * (deviation[j] ?? 1)) / (step[j] ?? 1);
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
        weight[i] = ((x[i] ?? 0) * (step[j] ?? 0)) / (deviation[j] ?? 1);
        shift -= (weight[i] ?? 0) * (mean[j] ?? 0);
      }
      bias[c] = shift;
    }
    return { weight, bias, loss: value, iterations, converged };
  }
}

/** Mean cross-entropy of weights [C, d] and biases [C] on standardised features; fills the gradient [C x d + C]. */
function crossEntropy({ standardized: features, labels, classes }: Prepared) {
  const count = labels.length;
  const d = features.length / count;
  const lanes = Math.ceil(classes / LANES) * LANES;
  // Classes that only fill the last four stay zero.
  const padded = new Float64Array(lanes * d);
  const slopes = new Float64Array(lanes * d);
  const logits = new Float64Array(lanes);
  return (weight: Float64Array, bias: Float64Array, gradient: Float64Array): number => {
    padded.set(weight);
    slopes.fill(0);
    gradient.fill(0);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const row = i * d;
      for (let c = 0; c < lanes; c += LANES) multiplyFour(features, row, padded, c, d, logits);
      const label = labels[i] ?? 0;
      sum += softmaxLoss(logits, bias, classes, label);
      for (let c = 0; c < classes; c++) {
        logits[c] = (logits[c] ?? 0) - (c === label ? 1 : 0);
        gradient[classes * d + c] = (gradient[classes * d + c] ?? 0) + (logits[c] ?? 0);
      }
      for (let c = 0; c < lanes; c += LANES) addFour(features, row, slopes, c, d, logits);
    }
    gradient.set(slopes.subarray(0, classes * d));
    for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i] ?? 0) / count;
    return sum / count;
  };
}

/** Adds the biases, turns logits into probabilities in place, and returns -log of the label's. */
function softmaxLoss(logits: Float64Array, bias: Float64Array, classes: number, label: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes; c++) {
    const logit = (logits[c] ?? 0) + (bias[c] ?? 0);
    logits[c] = logit;
    if (logit > most) most = logit;
  }
  const chosen = (logits[label] ?? 0) - most;
  let sum = 0;
  for (let c = 0; c < classes; c++) {
    const power = Math.exp((logits[c] ?? 0) - most);
    logits[c] = power;
    sum += power;
  }
  for (let c = 0; c < classes; c++) logits[c] = (logits[c] ?? 0) / sum;
  return Math.log(sum) - chosen;
}

/** logits[c..c+3] = features[row..row+d] . weight[c..c+3] */
function multiplyFour(
  features: Float32Array,
  row: number,
  weight: Float64Array,
  c: number,
  d: number,
  logits: Float64Array,
): void {
  const [first, second, third, fourth] = [c * d, (c + 1) * d, (c + 2) * d, (c + 3) * d];
  let [a, b, e, f] = [0, 0, 0, 0];
  for (let j = 0; j < d; j++) {
    const x = features[row + j] ?? 0;
    a += x * (weight[first + j] ?? 0);
    b += x * (weight[second + j] ?? 0);
    e += x * (weight[third + j] ?? 0);
    f += x * (weight[fourth + j] ?? 0);
  }
  logits[c] = a;
  logits[c + 1] = b;
  logits[c + 2] = e;
  logits[c + 3] = f;
}

/** slopes[c..c+3] += logits[c..c+3] x features[row..row+d] */
function addFour(
  features: Float32Array,
  row: number,
  slopes: Float64Array,
  c: number,
  d: number,
  logits: Float64Array,
): void {
  const [first, second, third, fourth] = [c * d, (c + 1) * d, (c + 2) * d, (c + 3) * d];
  const a = logits[c] ?? 0;
  const b = logits[c + 1] ?? 0;
  const e = logits[c + 2] ?? 0;
  const f = logits[c + 3] ?? 0;
  for (let j = 0; j < d; j++) {
    const x = features[row + j] ?? 0;
    slopes[first + j] = (slopes[first + j] ?? 0) + a * x;
    slopes[second + j] = (slopes[second + j] ?? 0) + b * x;
    slopes[third + j] = (slopes[third + j] ?? 0) + e * x;
    slopes[fourth + j] = (slopes[fourth + j] ?? 0) + f * x;
  }
}

/** Classes [N] of the highest scores, the lowest index among equals. */
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

/** Share of `predicted` that is right, 0..1. */
export function accuracy(predicted: Int32Array, labels: Int32Array): number {
  return predicted.reduce((right, label, i) => right + (label === labels[i] ? 1 : 0), 0) / labels.length;
}
