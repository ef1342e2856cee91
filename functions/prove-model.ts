import { systemClock as clock } from '../lib/local/system-clock.ts';
import { predictionOutcome } from '../lib/pipeline/prediction-outcome.ts';
import type { Model } from '../lib/ports/model.ts';

/**
 * Predicts one built-in picture, a ramp through the palette, up to its outcome.
 *
 * @throws {PictureError} `inference_failed` when a number of the outcome is not finite
 */
export async function proveModel(model: Model): Promise<void> {
  const { palette, width, height } = model.preprocessing;
  const colors = palette.length / 3;
  const tokens = Uint16Array.from({ length: model.tokens }, (_, i) => i % colors);
  const image = { width, height, format: 'png', bytes: 1 } as const;
  const prediction = await model.predict(tokens);
  predictionOutcome({ clock, model }, { key: 'proof', etag: 'proof', image, tokens: '' }, prediction);
}
