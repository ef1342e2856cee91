import { z } from 'zod';
import { failureCodes } from '../ports/error.ts';
import { classInput, featureNorm, outputName, precision, provider } from './field-types.ts';
import { modelId } from './keys.ts';
import type { Classification } from './outcome.ts';

/** Why a picture has no values in its row. */
export const rowErrorCode = z.enum([
  ...failureCodes,
  /** The picture does not exist, or was deleted. */
  'not_found',
  /** The picture was replaced after the manifest was written. */
  'changed',
]);

export type RowErrorCode = z.infer<typeof rowErrorCode>;

/** A picture in the output of a job: one row of a shard. Values that were not computed are null. */
export interface JobRow {
  key: string;
  /** ETag of the version that was read; without one, the manifest's; else null. */
  etag: string | null;
  /** Size of the original picture (pixels). */
  width: number | null;
  height: number | null;
  /** The most probable class. */
  label: string | null;
  probability: number | null;
  /** Up to five most probable classes, best first. */
  top5: Classification['top5'] | null;
  /** [d] */
  features: Float32Array | null;
  /** Mean over the tokens. */
  nats_per_token: number | null;
  /** Null if the picture succeeded. */
  error_code: RowErrorCode | null;
}

/** A picture of the job: a line of the manifest. */
export const manifestPicture = z.strictObject({
  key: z.string().min(1),
  /** Null if the source lists no ETags: the current version is then read. */
  etag: z.string().nullable(),
});

export type ManifestPicture = z.infer<typeof manifestPicture>;

/** Settings of a job: everything that its rows depend on. An output directory holds one job. */
const jobSettings = z.strictObject({
  /** Store of the pictures: the real path of a directory, or `s3://bucket`. */
  store: z.string(),
  /** The source as the user named it; only shown. */
  source: z.string(),
  model: modelId,
  /** Options that open the same model again from its checkpoint. */
  model_options: z.strictObject({
    outputs: z.array(outputName),
    feature_layer: z.int().nonnegative(),
    feature_norm: featureNorm,
    /** What the outputs are computed from; behind SOS in jobs from before this setting. */
    input: classInput.default('sos'),
    precision,
    provider,
    scaled_decoding: z.boolean(),
    prepack: z.boolean(),
  }),
  /** Limits of decoding. A picture beyond them fails. */
  decoding: z.strictObject({ allow_svg: z.boolean(), max_megapixels: z.number(), max_megabytes: z.number() }),
  shard_size: z.int().positive(),
});

export type JobSettings = z.infer<typeof jobSettings>;

/** `_job.json`: the settings, and how the pictures are divided into shards. */
export const jobSchema = z.strictObject({
  schema_version: z.literal(1),
  /** Hash of all keys, ETags and settings except the place of the pictures; 16 hex digits. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  settings: jobSettings,
  pictures: z.int().nonnegative(),
  /** One entry per shard, in order. `manifest` is the key of the shard's list of pictures, and contains its hash. */
  shards: z.array(z.strictObject({ pictures: z.int().positive(), manifest: z.string() })),
});

export type Job = z.infer<typeof jobSchema>;

const failures = z.partialRecord(rowErrorCode, z.int().positive());

/** `_shards/00000.json`: contents and checksum of a shard. */
export const shardRecord = z.strictObject({
  shard: z.string(),
  job: z.string(),
  rows: z.int().positive(),
  succeeded: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  failures,
  bytes: z.int().positive(),
  /** Checksum of the file in lower-case hex. */
  sha256: z.string(),
});

export type ShardRecord = z.infer<typeof shardRecord>;

/** `_summary.json`: the result of a job. */
export const jobSummary = z.strictObject({
  schema_version: z.literal(1),
  job: z.string(),
  model: modelId,
  source: z.string(),
  pictures: z.int().nonnegative(),
  succeeded: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  failures,
  /** The run that finished the job. Earlier runs may have made some of the shards. */
  last_run: z.strictObject({
    pictures: z.int().nonnegative(),
    seconds: z.number().nonnegative(),
    pictures_per_second: z.number().nonnegative(),
    /** Hours of the run times `--usd-per-hour`; null without a price. */
    cost_usd: z.number().nonnegative().nullable(),
  }),
  shards: z.array(z.strictObject({ shard: z.string(), rows: z.int(), bytes: z.int(), sha256: z.string() })),
});

export type JobSummary = z.infer<typeof jobSummary>;

/**
 * `_submission.json`: the last submission to AWS Batch. `shards` are the shards that were missing at the time of
 * submission. Child i makes `shards[i]`.
 */
export const jobSubmission = z.strictObject({
  job: z.string(),
  /** ISO 8601. */
  submitted_at: z.string(),
  /** Pictures in these shards. */
  pictures: z.int().nonnegative(),
  shards: z.array(z.int().nonnegative()).min(1),
});

export type JobSubmission = z.infer<typeof jobSubmission>;

/** Keys in the output directory. Readers of Parquet ignore names that begin with an underscore. */
export const jobKeys = {
  job: '_job.json',
  manifests: '_manifest/',
  records: '_shards/',
  summary: '_summary.json',
  success: '_SUCCESS',
  submission: '_submission.json',
  shards: 'part-',
} as const;

/** Numbers of a fixed length sort correctly as text. A job on AWS has up to 10,000 shards. */
const shardDigits = 5;

const digits = (shard: number): string => String(shard).padStart(shardDigits, '0');

/** Key of a shard's list of pictures; `hash` is a hash of the list. */
export function manifestKey(shard: number, hash: string): string {
  return `${jobKeys.manifests}${digits(shard)}-${hash}.jsonl`;
}

export function shardKey(shard: number): string {
  return `${jobKeys.shards}${digits(shard)}.parquet`;
}

export function shardRecordKey(shard: number): string {
  return `${jobKeys.records}${digits(shard)}.json`;
}
