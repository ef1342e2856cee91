import { systemClock as clock } from '../lib/local/system-clock.ts';
import { predictionOutcome } from '../lib/pipeline/prediction-outcome.ts';
import type { Model } from '../lib/ports/model.ts';

/**
 * Predicts one built-in picture, a run of all colours, and makes its outcome. It is stored nowhere.
 *
 * @throws what the model throws; PictureError `inference_failed` when a number is not finite
 */
export async function proveModel(model: Model): Promise<void> {
  const { tokens: n, preprocessing } = model;
  const { width, height, palette } = preprocessing;
  const colors = palette.length / 3;
  const prediction = await model.predict(Uint16Array.from({ length: n }, (_, i) => i % colors));
  const image = { width, height, format: 'png', bytes: 1 };
  predictionOutcome({ clock, model }, { key: 'proof', etag: '"proof"', image, tokens: '' }, prediction);
}
