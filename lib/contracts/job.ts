import { z } from 'zod';
import { failureCodes } from '../ports/error.ts';
import { featureNorm, outputName, precision, provider } from './choices.ts';
import { modelId } from './keys.ts';
import type { Classification } from './outcome.ts';

/** Every reason for which a row has no result. */
export const rowErrorCode = z.enum([
  ...failureCodes,
  /** The picture is not there (any more). */
  'not_found',
  /** The picture is another one than when the manifest was written. */
  'changed',
]);

export type RowErrorCode = z.infer<typeof rowErrorCode>;

/** A picture in the output of a batch job: one row of a shard. What was not computed, or could not be, is null. */
export interface JobRow {
  key: string;
  /** Of what was read; null when nothing was and the manifest did not know it. */
  etag: string | null;
  /** Size of the whole picture, pixels. */
  width: number | null;
  height: number | null;
  /** The most probable class. */
  label: string | null;
  probability: number | null;
  /** The (up to) five most probable classes, best first. */
  top5: Classification['top5'] | null;
  /** [d] */
  features: Float32Array | null;
  /** Mean over tokens. */
  nats_per_token: number | null;
  /** Null: the picture has been seen. */
  error_code: RowErrorCode | null;
}

/** A line of the manifest: a picture to do. */
export const manifestPicture = z.strictObject({
  key: z.string().min(1),
  /** Null where the source does not tell: then whatever is current is read. */
  etag: z.string().nullable(),
});

export type ManifestPicture = z.infer<typeof manifestPicture>;

/** What a job is run with, and what its rows depend on. A directory of shards holds one job. */
const jobSettings = z.strictObject({
  /** Where the keys lie: a directory's real path, or `s3://bucket`. */
  store: z.string(),
  /** What was asked for, for people. */
  source: z.string(),
  model: modelId,
  /** What opens this model again, besides its checkpoint. */
  model_options: z.strictObject({
    outputs: z.array(outputName),
    feature_layer: z.int().nonnegative(),
    feature_norm: featureNorm,
    precision,
    provider,
    scaled_decoding: z.boolean(),
    prepack: z.boolean(),
  }),
  /** Limits beyond which a picture fails. */
  decoding: z.strictObject({ allow_svg: z.boolean(), max_megapixels: z.number(), max_megabytes: z.number() }),
  shard_size: z.int().positive(),
});

export type JobSettings = z.infer<typeof jobSettings>;

/** `_job.json`: the settings, and which pictures are in which shard. */
export const jobSchema = z.strictObject({
  schema_version: z.literal(1),
  /** Hash of every key and ETag and of the settings, but for where the pictures lie; 16 hex digits. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  settings: jobSettings,
  pictures: z.int().nonnegative(),
  /** In the order of the shards. `manifest` is the key of its list, which carries a hash of the list. */
  shards: z.array(z.strictObject({ pictures: z.int().positive(), manifest: z.string() })),
});

export type Job = z.infer<typeof jobSchema>;

const failures = z.partialRecord(rowErrorCode, z.int().positive());

/** `_shards/00000.json`: what is in a shard, and its checksum. */
export const shardRecord = z.strictObject({
  shard: z.string(),
  job: z.string(),
  rows: z.int().positive(),
  succeeded: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  failures,
  bytes: z.int().positive(),
  /** Of the whole file, lower-case hex. */
  sha256: z.string(),
});

export type ShardRecord = z.infer<typeof shardRecord>;

/** `_summary.json`: what became of a job. */
export const jobSummary = z.strictObject({
  schema_version: z.literal(1),
  job: z.string(),
  model: modelId,
  source: z.string(),
  pictures: z.int().nonnegative(),
  succeeded: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  failures,
  /** Of the run that finished the job: earlier ones may have done a part. */
  last_run: z.strictObject({
    pictures: z.int().nonnegative(),
    seconds: z.number().nonnegative(),
    pictures_per_second: z.number().nonnegative(),
    /** Its hours at `--usd-per-hour`; null where no price was given. */
    cost_usd: z.number().nonnegative().nullable(),
  }),
  shards: z.array(z.strictObject({ shard: z.string(), rows: z.int(), bytes: z.int(), sha256: z.string() })),
});

export type JobSummary = z.infer<typeof jobSummary>;

/**
 * `_submission.json`: the last submission to AWS Batch. Child i does `shards[i]`; they are those that were missing when
 * it was submitted.
 */
export const jobSubmission = z.strictObject({
  job: z.string(),
  /** ISO 8601. */
  submitted_at: z.string(),
  /** In these shards. */
  pictures: z.int().nonnegative(),
  shards: z.array(z.int().nonnegative()).min(1),
});

export type JobSubmission = z.infer<typeof jobSubmission>;

/** Names in the output directory. Readers of Parquet pass over what begins with an underscore. */
export const jobKeys = {
  job: '_job.json',
  manifests: '_manifest/',
  records: '_shards/',
  summary: '_summary.json',
  success: '_SUCCESS',
  submission: '_submission.json',
  shards: 'part-',
} as const;

/** Five digits: a job has up to 10,000 shards on AWS, and names of one length sort as numbers do. */
const shardDigits = 5;

const digits = (shard: number): string => String(shard).padStart(shardDigits, '0');

/** Key of the list of a shard's pictures; `hash` is of its content. */
export function manifestKey(shard: number, hash: string): string {
  return `${jobKeys.manifests}${digits(shard)}-${hash}.jsonl`;
}

export function shardKey(shard: number): string {
  return `${jobKeys.shards}${digits(shard)}.parquet`;
}

export function shardRecordKey(shard: number): string {
  return `${jobKeys.records}${digits(shard)}.json`;
}
