import type { ClassFunction } from '../ports/model.ts';

/** A class and its probability. */
export interface ClassProbability {
  index: number;
  /** 0..1 */
  probability: number;
}

/** Probabilities [C] of class logits [C], in float64. Subtracts the largest logit first, so that nothing overflows. */
function softmax(logits: ArrayLike<number>): Float64Array {
  const probabilities = Float64Array.from(logits);
  const largest = probabilities.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let i = 0; i < probabilities.length; i += 1) {
    probabilities[i] = Math.exp(probabilities[i]! - largest);
    sum += probabilities[i]!;
  }
  return probabilities.map((p) => p / sum);
}

/** Probabilities [C] of class logits [C], in float64. Those of sigmoids do not add up to 1. */
export function classProbabilities(logits: ArrayLike<number>, kind: ClassFunction): Float64Array {
  return kind === 'softmax' ? softmax(logits) : Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
}

/** Up to `k` most probable classes, best first. Among equals, the lower index comes first. */
export function topClasses(logits: ArrayLike<number>, k: number, kind: ClassFunction): ClassProbability[] {
  const probabilities = classProbabilities(logits, kind);
  // By logit: probabilities near 1 round to 1.
  return Array.from(logits, (logit, index) => ({ index, logit }))
    .sort((a, b) => b.logit - a.logit || a.index - b.index)
    .slice(0, k)
    .map(({ index }) => ({ index, probability: probabilities[index] ?? 0 }));
}

/** Converts nats per token to bits per pixel. A token is a pixel, so only the unit changes. */
export function bitsPerPixel(natsPerToken: number): number {
  return natsPerToken / Math.LN2;
}
