import type { TrainingBatch } from '../runtime/training-batch.ts';
import type { Losses, TrainingSession } from '../runtime/training-session.ts';
import { likeliestClasses } from './evaluation/scores.ts';

export interface Validation extends Losses {
  /** Share of the pictures whose likeliest class is right; with a class loss. */
  accuracy?: number;
}

/** Mean losses over held-out pictures, read in batches of any sizes. */
export async function validate(
  session: Pick<TrainingSession, 'evaluate'>,
  batches: readonly TrainingBatch[],
): Promise<Validation> {
  let tokens = 0;
  let pictures = 0;
  let right = 0;
  const sums: { generative?: number; classification?: number } = {};
  for (const batch of batches) {
    const { generative, classification, classLogits } = await session.evaluate(batch);
    // All pictures have as many tokens, so that means of batches weigh by either.
    const weight = batch.tokens.length;
    tokens += weight;
    if (generative !== undefined) sums.generative = (sums.generative ?? 0) + weight * generative;
    if (classification !== undefined) sums.classification = (sums.classification ?? 0) + weight * classification;
    const { labels } = batch;
    if (classLogits !== undefined && labels !== undefined) {
      pictures += labels.length;
      right += likeliestClasses(classLogits, labels.length).filter((said, i) => said === labels[i]).length;
    }
  }
  const { generative, classification } = sums;
  return {
    loss: ((generative ?? 0) + (classification ?? 0)) / tokens,
    ...(generative !== undefined && { generative: generative / tokens }),
    ...(classification !== undefined && { classification: classification / tokens, accuracy: right / pictures }),
  };
}
