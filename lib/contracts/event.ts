import { z } from 'zod';
import { failure } from './failure.ts';
import { inputKey, modelId } from './keys.ts';
import type { Outcome } from './outcome.ts';

const about = {
  type: z.literal('result'),
  key: inputKey,
  /** ETag of the picture. */
  etag: z.string().min(1),
  model: modelId,
  /** Where the whole outcome lies. */
  result_key: z.string().min(1),
};

/** Told for each new outcome, at least once. */
const resultEvent = z.discriminatedUnion('status', [
  z.strictObject({
    ...about,
    status: z.literal('succeeded'),
    /** Of the most probable class; both null where there is no classification. */
    label: z.string().nullable(),
    probability: z.number().min(0).max(1).nullable(),
  }),
  z.strictObject({ ...about, status: z.literal('failed'), error: failure }),
]);

export type ResultEvent = z.infer<typeof resultEvent>;

/** The last line of a run: `seen` is always `succeeded + failed + skipped`. */
const summaryEvent = z.strictObject({
  type: z.literal('summary'),
  seen: z.int().nonnegative(),
  succeeded: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  /** A current outcome was there already, or the picture went away before it was read. */
  skipped: z.int().nonnegative(),
});

export type SummaryEvent = z.infer<typeof summaryEvent>;

/** Everything that a run tells. */
export const pipelineEvent = z.union([resultEvent, summaryEvent]);

export type PipelineEvent = z.infer<typeof pipelineEvent>;

/** The event that tells of `outcome`, stored at `resultKey`. */
export function eventOf(outcome: Outcome, resultKey: string): ResultEvent {
  const { status, key, etag, model } = outcome;
  const about = { type: 'result', key, etag, model, result_key: resultKey } as const;
  if (status === 'failed') return { ...about, status, error: outcome.error };
  const { label = null, probability = null } = outcome.classification ?? {};
  return { ...about, status, label, probability };
}
