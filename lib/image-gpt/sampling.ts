import type { Random } from './random.ts';

export interface SamplingOptions {
  /** Divides the logits (default: 1, as in the paper). 0 always takes the most probable token. */
  temperature?: number | undefined;
  /** Choose only among this many most probable tokens (default and 0: all). */
  topK?: number | undefined;
  /** Choose only among the most probable tokens whose probabilities add up to this, after temperature and topK (default: 1). */
  topP?: number | undefined;
}

/**
 * Chooses a token by its logits [V], in float64. Among equally probable tokens the lower index comes first. Draws once from
 * `random`, but not at temperature 0.
 */
export function sampleToken(logits: Float32Array, options: SamplingOptions, random: Random): number {
  const { temperature = 1, topK = 0, topP = 1 } = options;
  if (temperature === 0) return mostProbable(logits);
  const ranked = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const kept = topK === 0 ? ranked : ranked.slice(0, topK);
  const largest = logits[ranked[0]!]!;
  const weights = kept.map((token) => Math.exp((logits[token]! - largest) / temperature));
  const whole = sum(weights);
  const count = topP < 1 ? nucleus(weights, topP * whole) : weights.length;
  let rest = random() * sum(weights.slice(0, count));
  for (let i = 0; i < count; i++) {
    rest -= weights[i]!;
    if (rest < 0) return kept[i]!;
  }
  return kept[count - 1]!; // rounding can leave a rest above 0
}

/** Number of weights, from the largest on, whose sum reaches `wanted`; at least one. */
function nucleus(weights: readonly number[], wanted: number): number {
  let reached = 0;
  const at = weights.findIndex((weight) => {
    reached += weight;
    return reached >= wanted;
  });
  return at < 0 ? weights.length : at + 1;
}

function mostProbable(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
