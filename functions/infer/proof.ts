import type { Model } from '../../lib/ports/model.ts';
import { proveModel } from '../prove-model.ts';

/** Asks whether the function works. CDK's trigger sends an empty event. */
export interface ProofRequest {
  prove?: true;
}

export interface Proof {
  proved: true;
  /** The model id. */
  model: string;
}

export function isProofRequest(event: unknown): event is ProofRequest {
  if (event === null || event === undefined) return true;
  if (typeof event !== 'object') return false;
  return ('prove' in event && event.prove === true) || Object.keys(event).length === 0;
}

/** Predicts a built-in picture. Throws what {@link proveModel} throws. */
export async function prove(model: Model): Promise<Proof> {
  await proveModel(model);
  return { proved: true, model: model.id };
}
