import { z } from 'zod';
import { failure } from './field-types.ts';
import { rowErrorCode } from './job.ts';
import { inputKey, modelId } from './keys.ts';
import type { Outcome } from './outcome.ts';

const about = {
  type: z.literal('result'),
  key: inputKey,
  /** ETag of the picture. */
  etag: z.string().min(1),
  model: modelId,
  /** Key of the outcome. */
  result_key: z.string().min(1),
};

/** Published at least once for each new outcome. */
const resultEvent = z.discriminatedUnion('status', [
  z.strictObject({
    ...about,
    status: z.literal('succeeded'),
    /** The most probable class. Both are null if there is no classification. */
    label: z.string().nullable(),
    probability: z.number().min(0).max(1).nullable(),
  }),
  z.strictObject({ ...about, status: z.literal('failed'), error: failure }),
]);

export type ResultEvent = z.infer<typeof resultEvent>;

/** The last event of a run. `seen` is `succeeded + failed + skipped`. */
const summaryEvent = z.strictObject({
  type: z.literal('summary'),
  seen: z.int().nonnegative(),
  succeeded: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  /** Pictures with a current outcome, and pictures that were deleted before they were read. */
  skipped: z.int().nonnegative(),
});

export type SummaryEvent = z.infer<typeof summaryEvent>;

/** A job on AWS is done: all its shards are stored. Published at least once for each job. */
const batchEvent = z.strictObject({
  type: z.literal('batch'),
  /** Id of the job. */
  job: z.string(),
  model: modelId,
  /** Place of the shards, `s3://bucket/prefix`. */
  place: z.string(),
  shards: z.int().nonnegative(),
  pictures: z.int().nonnegative(),
  succeeded: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  /** Pictures by error code. */
  failures: z.partialRecord(rowErrorCode, z.int().positive()),
});

export type BatchEvent = z.infer<typeof batchEvent>;

/** Every event that is published. */
export const pipelineEvent = z.union([resultEvent, summaryEvent, batchEvent]);

export type PipelineEvent = z.infer<typeof pipelineEvent>;

/** The event of an outcome that is stored at `resultKey`. */
export function eventOf(outcome: Outcome, resultKey: string): ResultEvent {
  const { status, key, etag, model } = outcome;
  const about = { type: 'result', key, etag, model, result_key: resultKey } as const;
  if (status === 'failed') return { ...about, status, error: outcome.error };
  const { label = null, probability = null } = outcome.classification ?? {};
  return { ...about, status, label, probability };
}
