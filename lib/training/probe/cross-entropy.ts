/** Mean cross-entropy of weights [C, d] and biases [C]; fills the gradient [C x d + C]. */
type CrossEntropy = (weight: Float64Array, bias: Float64Array, gradient: Float64Array) => number;

/** Classes computed at a time: four independent sums that share each load of a feature. */
const lanes = 4;

/**
 * Mean cross-entropy of linear classifiers on examples.
 *
 * @param features [N, d]
 * @param labels [N]
 */
export function crossEntropy(features: Float32Array, labels: Int32Array, classes: number): CrossEntropy {
  const count = labels.length;
  const d = features.length / count;
  // Padded with zero classes to a multiple of `lanes`.
  const paddedClasses = Math.ceil(classes / lanes) * lanes;
  const padded = new Float64Array(paddedClasses * d);
  const slopes = new Float64Array(paddedClasses * d);
  const logits = new Float64Array(paddedClasses);
  return (weight, bias, gradient) => {
    padded.set(weight);
    slopes.fill(0);
    gradient.fill(0);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const row = i * d;
      for (let c = 0; c < paddedClasses; c += lanes) multiplyFour(features, row, padded, c, d, logits);
      const label = labels[i] ?? 0;
      sum += softmaxLoss(logits, bias, classes, label);
      for (let c = 0; c < classes; c++) {
        logits[c] = (logits[c] ?? 0) - (c === label ? 1 : 0);
        gradient[classes * d + c] = (gradient[classes * d + c] ?? 0) + (logits[c] ?? 0);
      }
      for (let c = 0; c < paddedClasses; c += lanes) addFour(features, row, slopes, c, d, logits);
    }
    gradient.set(slopes.subarray(0, classes * d));
    for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i] ?? 0) / count;
    return sum / count;
  };
}

/** Adds the biases, turns logits into probabilities in place, and returns -log of the label's probability. */
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
