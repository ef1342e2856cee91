import type { Classification, SucceededOutcome } from '../contracts/outcome.ts';
import type { TokensPicture } from '../contracts/tokens-message.ts';
import { bitsPerPixel, topClasses } from '../image-gpt/classification.ts';
import type { Clock } from '../ports/clock.ts';
import { PictureError } from '../ports/error.ts';
import type { Model, Prediction } from '../ports/model.ts';

/**
 * Turns a prediction into an outcome.
 *
 * @throws {PictureError} `inference_failed` when a number is not finite; see {@link requireFinite}
 */
export function predictionOutcome(
  { clock, model }: { clock: Clock; model: Model },
  { key, etag, image }: TokensPicture,
  prediction: Prediction,
): SucceededOutcome {
  return {
    schema_version: 1,
    status: 'succeeded',
    key,
    etag,
    model: model.id,
    created_at: clock.now().toISOString(),
    image,
    ...predictedNumbers(model, prediction),
  };
}

/** What an outcome says about a prediction, and how it was computed. */
export type PredictedNumbers = Pick<
  SucceededOutcome,
  'classification' | 'features' | 'likelihood' | 'provider' | 'precision' | 'onnxruntime'
>;

/** @throws {PictureError} `inference_failed` when a number is not finite; see {@link requireFinite} */
export function predictedNumbers(model: Model, { classLogits, features, nats }: Prediction): PredictedNumbers {
  return {
    classification: classLogits === undefined ? null : classificationOf(classLogits, model),
    features:
      features === undefined
        ? null
        : { layer: model.featureLayer, norm: model.featureNorm, values: Array.from(features, shortFloat32) },
    likelihood:
      nats === undefined
        ? null
        : { nats_per_token: requireFinite(nats), bits_per_pixel: requireFinite(bitsPerPixel(nats)) },
    provider: model.provider,
    precision: model.precision,
    onnxruntime: model.onnxruntime,
  };
}

/** What turns class logits into named classes. */
type Labelling = Pick<Model, 'labels' | 'classFunction'>;

function classificationOf(logits: Float32Array, model: Labelling): Classification {
  const top5 = labelledClasses(logits, model, 5);
  const [best] = top5;
  if (best === undefined) throw new PictureError('inference_failed', 'Expected at least one class, received none.');
  return { ...best, top5 };
}

/** Nine significant digits restore every float32 exactly, in half the characters of its float64. */
function shortFloat32(value: number): number {
  return Number(requireFinite(value).toPrecision(9));
}

/**
 * Returns a number of the model unchanged.
 *
 * @throws {PictureError} `inference_failed` when it is not finite (damaged weights, or an overflow in low precision):
 * JSON cannot hold it, and a retry would give the same number
 */
export function requireFinite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new PictureError('inference_failed', `Expected finite numbers from the model, received ${value}.`);
}

/**
 * The `count` most probable classes of class logits [C], best first. A class without a label is named by its number.
 *
 * @throws {PictureError} `inference_failed` when a logit is not finite
 */
export function labelledClasses(
  logits: Float32Array,
  { labels, classFunction }: Labelling,
  count: number,
): Classification['top5'] {
  for (const logit of logits) requireFinite(logit);
  return topClasses(logits, count, classFunction).map(({ index, probability }) => ({
    label: labels[index] ?? `class ${index}`,
    index,
    probability,
  }));
}
