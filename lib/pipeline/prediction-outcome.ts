import type { Classification, SucceededOutcome } from '../contracts/outcome.ts';
import type { TokensPicture } from '../contracts/tokens-message.ts';
import { bitsPerPixel } from '../image-gpt/likelihood.ts';
import { finite } from './finite.ts';
import { labelledClasses } from './labelled-classes.ts';
import { type Clock, type Model, PictureError, type Prediction } from './ports.ts';

/**
 * The outcome of a picture that the model has seen.
 *
 * @throws {PictureError} `inference_failed` when a number of the prediction is not finite (damaged weights, or an
 * overflow in low precision): JSON has no word for it, and trying again would give the same
 */
export function predictionOutcome(
  { clock, model }: { clock: Clock; model: Model },
  { key, etag, image }: TokensPicture,
  { classLogits, features, nats }: Prediction,
): SucceededOutcome {
  return {
    schema_version: 1,
    status: 'succeeded',
    key,
    etag,
    model: model.id,
    created_at: clock.now().toISOString(),
    image,
    classification: classLogits === undefined ? null : classificationOf(classLogits, model.labels),
    features:
      features === undefined
        ? null
        : { layer: model.featureLayer, norm: model.featureNorm, values: Array.from(features, shortFloat32) },
    likelihood:
      nats === undefined ? null : { nats_per_token: finite(nats), bits_per_pixel: finite(bitsPerPixel(nats)) },
    provider: model.provider,
    precision: model.precision,
    onnxruntime: model.onnxruntime,
  };
}

function classificationOf(logits: Float32Array, labels: readonly string[]): Classification {
  const top5 = labelledClasses(logits, labels, 5);
  const [best] = top5;
  if (best === undefined) throw new PictureError('inference_failed', 'Expected at least one class, received none.');
  return { ...best, top5 };
}

/** Nine significant digits give every float32 back exactly, in half the characters of its float64. */
function shortFloat32(value: number): number {
  return Number(finite(value).toPrecision(9));
}
