import { z } from 'zod';
import { choice, featureNorm, outputName, precision } from './choices.ts';
import { drainSeconds, maxReceiveCount, visibilitySeconds } from './delivery.ts';
import { modelId } from './keys.ts';
import { maxArrayChildren } from './limits.ts';
import { bucketName, s3Prefix, splitList } from './setting-types.ts';

// The environment variables of the deployed processes: the stack writes them, functions/ reads them. An empty variable
// counts as one that is not there. What Node, the AWS SDK (AWS_REGION, AWS_ENDPOINT_URL …) and Powertools
// (POWERTOOLS_SERVICE_NAME, POWERTOOLS_METRICS_NAMESPACE, POWERTOOLS_LOG_LEVEL) read for themselves is not among them.

const url = z.url({ protocol: /^https?$/, error: 'expected the URL of an SQS queue' });

const topicArn = z.string().regex(/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$/, 'expected the ARN of a topic');

/** Cluster or service: a name, or an ARN. */
const ecsName = z.string().regex(/^[A-Za-z0-9:/_-]{1,255}$/, 'expected the name or ARN of an ECS resource');

/** Path of a directory (relative to the working directory), or `s3://bucket/prefix`. */
const location = z.string().regex(/^(s3:\/\/[^/]+\/.+|(?!s3:).+)$/, 'expected a directory or s3://bucket/prefix');

const flag = z.enum(['true', 'false'], 'expected true or false').transform((text) => text === 'true');

function whole({ min, max }: { min: number; max: number }) {
  const words = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, words)
    .transform(Number)
    .refine((value) => value >= min && value <= max, words);
}

/** What both processes are told. */
const shared = {
  /** Where the pictures are. */
  INPUT_BUCKET: bucketName,
  /** Where the outcomes go. */
  OUTPUT_BUCKET: bucketName,
  /** Into preprocess. The worker sends references there when tokens were made for another model. */
  UPLOADS_QUEUE_URL: url,
  /** From preprocess to the worker. */
  TOKENS_QUEUE_URL: url,
  /** Where result events are published. */
  RESULTS_TOPIC_ARN: topicArn,
  /**
   * The checkpoint: preprocess reads only its config.json and preprocessor_config.json, the worker all of it. Where
   * config.json names no model, the last segment does; it is a part of the id.
   */
  MODEL_LOCATION: location,
  /** Id of the model, as the worker will compute it from the whole checkpoint: the worker refuses another one. */
  MODEL_ID: modelId,
  /** Decode large JPEGs at a fraction of their size; a part of the model id. */
  SCALED_DECODING: flag.default(false),
  /** The redrive policies' maxReceiveCount: the last receive is known by it. */
  MAX_RECEIVE_COUNT: whole({ min: 1, max: 1000 }).default(maxReceiveCount),
};

const preprocessVariables = z.object({
  ...shared,
  /** The service that is woken when there is work: both variables, or neither. */
  ECS_CLUSTER: ecsName.optional(),
  ECS_SERVICE: ecsName.optional(),
  /** Larger files fail with `image_too_large`, unread, bytes. */
  MAX_PICTURE_BYTES: whole({ min: 1, max: 5_000_000_000 }).default(50_000_000),
  /** Pictures of more pixels fail with `image_too_large`. */
  MAX_PICTURE_PIXELS: whole({ min: 1, max: 1_000_000_000 }).default(100_000_000),
  /** A picture that takes longer fails with `decode_timeout`, milliseconds. */
  DECODE_TIMEOUT_MS: whole({ min: 100, max: 600_000 }).default(10_000),
  /** Memory of one decoding child, bytes. Default: the decoder's own, 1 GiB or more. */
  DECODE_MEMORY_BYTES: whole({ min: 64 * 1024 * 1024, max: 64 * 1024 ** 3 }).optional(),
  /** Decoding child processes. Default: one a core. */
  DECODERS: whole({ min: 1, max: 64 }).optional(),
  /** Path of decode-child.ts's bundle. Default: the source file beside its parent, for code that is not bundled. */
  DECODE_CHILD: z.string().min(1).optional(),
  /** Render SVG, which lets a small file burn much CPU. */
  ALLOW_SVG: flag.default(false),
});

/** The environment of functions/preprocess. */
export const preprocessEnvironment = preprocessVariables.refine(
  ({ ECS_CLUSTER, ECS_SERVICE }) => (ECS_CLUSTER === undefined) === (ECS_SERVICE === undefined),
  { path: ['ECS_SERVICE'], error: 'expected both ECS_CLUSTER and ECS_SERVICE, or neither', when: () => true },
);

export type PreprocessEnvironment = z.output<typeof preprocessEnvironment>;

/** The environment of functions/worker. */
export const workerEnvironment = z.object({
  ...shared,
  /** `cuda` never falls back to `cpu`. */
  PROVIDER: choice(['cpu', 'cuda']).default('cpu'),
  /** Number format of the model; a part of the model id. */
  PRECISION: precision.default('f32'),
  /** What to compute, with commas between; a part of the model id. Default: all that the checkpoint has. */
  OUTPUTS: z.string().transform(splitList).pipe(z.array(outputName).min(1)).optional(),
  /** Layer of the features; a part of the model id. Default: the checkpoint's. */
  FEATURE_LAYER: whole({ min: 0, max: 1000 }).optional(),
  /** Features before or after the norm that follows; a part of the model id. Default: the checkpoint's. */
  FEATURE_NORM: featureNorm.optional(),
  /** Threads, each with a session. Default: one a core, or one on a GPU. */
  WORKERS: whole({ min: 1, max: 256 }).optional(),
  /** Pictures in one run of the model. Default: 1, or 64 on a GPU. */
  MAX_BATCH: whole({ min: 1, max: 1024 }).optional(),
  /** Long-polling receivers. */
  CONSUMERS: whole({ min: 1, max: 16 }).default(2),
  /** Messages at hand, all consumers together: each holds up to 100 pictures. */
  PREFETCH_MESSAGES: whole({ min: 1, max: 100 }).default(8),
  /** For how long a message at hand stays hidden; renewed three times as often, seconds. */
  VISIBILITY_SECONDS: whole({ min: 3, max: 43_200 }).default(visibilitySeconds.tokens),
  /** From SIGTERM to the end; below the container's stop timeout (110), or what is held is not released, seconds. */
  DRAIN_SECONDS: whole({ min: 1, max: 3600 }).default(drainSeconds),
  /** Where a checkpoint from S3 is kept. Default: the system's temporary folder. */
  MODEL_CACHE: z.string().min(1).optional(),
});

export type WorkerEnvironment = z.output<typeof workerEnvironment>;

const argumentList = z.string().transform((text, context): string[] => {
  try {
    return z.array(z.string()).parse(JSON.parse(text));
  } catch {
    context.addIssue({ code: 'custom', message: 'expected a JSON list of strings' });
    return z.NEVER;
  }
});

/** What the workers of a deployment compute, as its definition of batch jobs tells it. */
export const jobDefinition = workerEnvironment.pick({
  ...{ MODEL_LOCATION: true, MODEL_ID: true, PROVIDER: true, PRECISION: true, SCALED_DECODING: true },
  ...{ OUTPUTS: true, FEATURE_LAYER: true, FEATURE_NORM: true },
});

export type JobDefinition = z.output<typeof jobDefinition>;

/** The environment of functions/train. */
export const trainEnvironment = z.object({
  /** Where the model directory is made, and the run's checkpoints are kept. */
  TRAIN_OUT: s3Prefix,
  /** Checkpoint that the run begins with: `s3://bucket/prefix`, or igpt-nano. */
  TRAIN_MODEL: z.union([s3Prefix, z.literal('igpt-nano')], 'expected s3://bucket/prefix or igpt-nano'),
  /** What else `igpt train` is told. */
  TRAIN_ARGUMENTS: argumentList,
  /** Folder that can be written to. */
  TRAIN_FOLDER: z.string().min(1).default('/cache'),
  /** Between two copies of the run to S3, seconds. */
  TRAIN_COPY_SECONDS: whole({ min: 1, max: 3600 }).default(60),
});

/** The environment of functions/batch. */
export const jobEnvironment = workerEnvironment
  .pick({ MODEL_LOCATION: true, MODEL_CACHE: true, RESULTS_TOPIC_ARN: true })
  .extend({
    /** Where the job's manifest lies and its shards go. */
    BATCH_OUT: s3Prefix,
    /** Share of failed pictures, 0 to 1, beyond which the child stops. */
    BATCH_MAX_FAILURE_RATE: z.coerce.number('expected a number from 0 to 1').min(0).max(1).default(0.5),
    /** Which shard of the submission; AWS Batch sets it in the children of an array. Default: the only one. */
    AWS_BATCH_JOB_ARRAY_INDEX: whole({ min: 0, max: maxArrayChildren - 1 }).default(0),
  });

export type JobEnvironment = z.output<typeof jobEnvironment>;
