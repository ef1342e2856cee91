import { PictureError } from './ports.ts';

/**
 * A number of the model, checked.
 *
 * @throws {PictureError} `inference_failed` when it is not finite: damaged weights, or an overflow in low precision.
 * JSON has no word for it, and trying again would give the same
 */
export function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new PictureError('inference_failed', `Expected finite numbers from the model, received ${value}.`);
}
