/** One class of a picture. */
export interface ClassProbability {
  index: number;
  /** 0..1 */
  probability: number;
}

/** Probabilities [C] of class logits [C], in float64; the largest logit is taken off first, so nothing overflows. */
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

/** The `k` likeliest classes, best first, the lower index first among equals; all of them when there are fewer. */
export function topClasses(logits: ArrayLike<number>, k: number): ClassProbability[] {
  return Array.from(softmax(logits), (probability, index) => ({ index, probability }))
    .sort((a, b) => b.probability - a.probability || a.index - b.index)
    .slice(0, k);
}

/** Bits per pixel of a likelihood in nats per token: a token is a pixel, so only the unit changes. */
export function bitsPerPixel(natsPerToken: number): number {
  return natsPerToken / Math.LN2;
}
