/** A class and its probability. */
export interface ClassProbability {
  index: number;
  /** 0..1 */
  probability: number;
}

/** Probabilities [C] of class logits [C], in float64. Subtracts the largest logit first, so that nothing overflows. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const probabilities = Float64Array.from(logits);
  const largest = probabilities.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let i = 0; i < probabilities.length; i += 1) {
    probabilities[i] = Math.exp(probabilities[i]! - largest);
    sum += probabilities[i]!;
  }
  return probabilities.map((p) => p / sum);
}

/** Up to `k` most probable classes, best first. Among equals, the lower index comes first. */
export function topClasses(logits: ArrayLike<number>, k: number): ClassProbability[] {
  return Array.from(softmax(logits), (probability, index) => ({ index, probability }))
    .sort((a, b) => b.probability - a.probability || a.index - b.index)
    .slice(0, k);
}

/** Converts nats per token to bits per pixel. A token is a pixel, so only the unit changes. */
export function bitsPerPixel(natsPerToken: number): number {
  return natsPerToken / Math.LN2;
}
