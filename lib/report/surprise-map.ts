import { createHash } from 'node:crypto';
import type { Model } from '../ports/model.ts';
import { MOST_ROWS, SURPRISE_STEPS } from './report-row.ts';

export interface SurpriseMemory<M extends Model> {
  /** The model, listened to. */
  model: M;
  /** Surprise at each token [n] in bytes, for the report; null where the model has no likelihood, or it would cost too much. */
  surpriseOf(tokens: Uint16Array): Promise<Uint8Array | null>;
}

/** Pictures of earlier runs that the model may be asked about again: a report must not take as long as the run. */
const MOST_AGAIN = 200;

/**
 * Keeps what the model says of each token while it passes by, for as many pictures as a report lists. Outcomes only
 * have the mean. Remembered by the tokens themselves: the same tokens have the same surprise.
 */
export function rememberSurprise<M extends Model>(model: M): SurpriseMemory<M> {
  const known = new Map<string, Uint8Array>();
  let again = 0;
  async function predict(tokens: Uint16Array) {
    const prediction = await model.predict(tokens);
    if (prediction.natsOfTokens !== undefined && known.size < MOST_ROWS) {
      known.set(nameOf(tokens), inSteps(prediction.natsOfTokens));
    }
    return prediction;
  }
  return {
    model: { ...model, predict },
    async surpriseOf(tokens) {
      const there = known.get(nameOf(tokens));
      if (there !== undefined || !model.outputs.includes('likelihood')) return there ?? null;
      again += 1;
      if (again > MOST_AGAIN) return null;
      const { natsOfTokens } = await model.predict(tokens);
      return natsOfTokens === undefined ? null : inSteps(natsOfTokens);
    },
  };
}

function nameOf(tokens: Uint16Array): string {
  const bytes = new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  return createHash('sha256').update(bytes).digest('base64');
}

/** A byte holds 0 to 15.9 nats; what is beyond is as bright as can be anyway. */
function inSteps(nats: Float32Array): Uint8Array {
  return Uint8Array.from(nats, (value) => Math.min(255, Math.round(value * SURPRISE_STEPS)));
}
