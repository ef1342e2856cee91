import { createHash } from 'node:crypto';
import type { Model } from '../ports/model.ts';
import { mostRows, surpriseSteps } from './report-row.ts';

export interface SurpriseMemory<M extends Model> {
  /** The model; its predictions are remembered. */
  model: M;
  /**
   * Surprise map [n] in bytes; null when the model has no likelihood, or when too many pictures would be predicted
   * again.
   */
  surpriseOf(tokens: Uint16Array): Promise<Uint8Array | null>;
}

/** Pictures of earlier runs that may be predicted again: a report must not take as long as the run. */
const maxRepredicted = 200;

/**
 * Remembers the nats of each token during a run, for as many pictures as a report lists: outcomes hold only the mean.
 * The key is a hash of the tokens, because equal tokens have equal surprise.
 */
export function rememberSurprise<M extends Model>(model: M): SurpriseMemory<M> {
  const known = new Map<string, Uint8Array>();
  let repredicted = 0;
  async function predict(tokens: Uint16Array) {
    const prediction = await model.predict(tokens);
    if (prediction.natsOfTokens !== undefined && known.size < mostRows) {
      known.set(hashOf(tokens), inSteps(prediction.natsOfTokens));
    }
    return prediction;
  }
  return {
    model: { ...model, predict },
    async surpriseOf(tokens) {
      const remembered = known.get(hashOf(tokens));
      if (remembered !== undefined || !model.outputs.includes('likelihood')) return remembered ?? null;
      repredicted += 1;
      if (repredicted > maxRepredicted) return null;
      const { natsOfTokens } = await model.predict(tokens);
      return natsOfTokens === undefined ? null : inSteps(natsOfTokens);
    },
  };
}

function hashOf(tokens: Uint16Array): string {
  const bytes = new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  return createHash('sha256').update(bytes).digest('base64');
}

/** A byte holds 0 to 15.9 nats. Larger values have the brightest colour anyway. */
function inSteps(nats: Float32Array): Uint8Array {
  return Uint8Array.from(nats, (value) => Math.min(255, Math.round(value * surpriseSteps)));
}
