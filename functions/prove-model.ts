import { systemClock as clock } from '../lib/local/system-clock.ts';
import { predictionOutcome } from '../lib/pipeline/prediction-outcome.ts';
import type { Model } from '../lib/ports/model.ts';

/** Asks a deployed function whether its model works. */
export interface ProofRequest {
  prove: true;
}

export interface Proof {
  proved: true;
  /** The model id. */
  model: string;
}

export function isProofRequest(event: unknown): event is ProofRequest {
  return typeof event === 'object' && event !== null && 'prove' in event && event.prove === true;
}

/**
 * Predicts one built-in picture, a run of all colours, and makes its outcome. It is stored nowhere.
 *
 * @throws what the model throws; PictureError `inference_failed` when a number is not finite
 */
export async function proveModel(model: Model): Promise<Proof> {
  const { id, tokens: n, preprocessing } = model;
  const { width, height, palette } = preprocessing;
  const colors = palette.length / 3;
  const prediction = await model.predict(Uint16Array.from({ length: n }, (_, i) => i % colors));
  const image = { width, height, format: 'png', bytes: 1 };
  predictionOutcome({ clock, model }, { key: 'proof', etag: '"proof"', image, tokens: '' }, prediction);
  return { proved: true, model: id };
}
