import type { Classification } from '../contracts/outcome.ts';
import { topClasses } from '../image-gpt/classification.ts';
import { finite } from './finite.ts';

/**
 * The `count` most probable classes by name, best first, from class logits [C]; a class without a label goes by its
 * number.
 *
 * @throws {PictureError} `inference_failed` when a logit is not finite
 */
export function labelledClasses(
  logits: Float32Array,
  labels: readonly string[],
  count: number,
): Classification['top5'] {
  for (const logit of logits) finite(logit);
  return topClasses(logits, count).map(({ index, probability }) => ({
    label: labels[index] ?? `class ${index}`,
    index,
    probability,
  }));
}
