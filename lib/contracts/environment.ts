import { z } from 'zod';
import { drainSeconds, workerVisibilitySeconds } from './delivery.ts';
import {
  bucketName,
  choice,
  classInput,
  featureNorm,
  outputName,
  precision,
  s3Prefix,
  splitList,
} from './field-types.ts';
import { modelId } from './keys.ts';
import { maxArrayChildren, maxPicturesPerMessage } from './limits.ts';
import { type Meter, meter } from './meters.ts';

// Environment variables of the deployed processes. The stack writes them, functions/ reads them. An empty variable counts
// as absent. Variables that Node, the AWS SDK (AWS_REGION, AWS_ENDPOINT_URL …) and Powertools (POWERTOOLS_SERVICE_NAME,
// POWERTOOLS_METRICS_NAMESPACE, POWERTOOLS_LOG_LEVEL) read themselves are not listed here.

const url = z.url({ protocol: /^https?$/, error: 'expected the URL of an SQS queue' });

const topicArn = z.string().regex(/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$/, 'expected the ARN of a topic');

/** Name or ARN of a cluster or service. */
const ecsName = z.string().regex(/^[A-Za-z0-9:/_-]{1,255}$/, 'expected the name or ARN of an ECS resource');

/** Path of a directory (relative to the working directory), or `s3://bucket/prefix`, with or without a slash at the end. */
const location = z.string().regex(/^(s3:\/\/[^/]+\/.+|(?!s3:).+)$/, 'expected a directory or s3://bucket/prefix');

const flag = z.enum(['true', 'false'], 'expected true or false').transform((text) => text === 'true');

function whole({ min, max }: { min: number; max: number }) {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected);
}

/** Variables of functions/preprocess, functions/worker and functions/infer. */
const shared = {
  /** Bucket of the pictures. */
  INPUT_BUCKET: bucketName,
  /** Bucket of the outcomes. */
  OUTPUT_BUCKET: bucketName,
  /** Queue that preprocess reads. The worker sends references to it if tokens were made for another model. */
  UPLOADS_QUEUE_URL: url,
  /** Queue from preprocess to the worker. */
  TOKENS_QUEUE_URL: url,
  /** Topic of result events. */
  RESULTS_TOPIC_ARN: topicArn,
  /**
   * The checkpoint. Preprocess reads only config.json and preprocessor_config.json. If config.json names no model, the last
   * segment of the location does. The name is part of the model id.
   */
  MODEL_LOCATION: location,
  /** Expected model id. The worker computes the id from the checkpoint and refuses to start if they differ. */
  MODEL_ID: modelId,
  /** Decode large JPEGs at a fraction of their size. Part of the model id. */
  SCALED_DECODING: flag.default(false),
  /** Name of the process's role, for the log. */
  ROLE_NAME: z.string().min(1).optional(),
};

/**
 * Outcomes that are stored among the pictures would be taken for pictures. The settings are checked too, but a name can
 * be unknown until the stack is deployed.
 */
function bucketsDiffer({
  INPUT_BUCKET: input,
  OUTPUT_BUCKET: output,
}: {
  INPUT_BUCKET: string;
  OUTPUT_BUCKET: string;
}) {
  return input !== output;
}

const differentBuckets = {
  path: ['OUTPUT_BUCKET'],
  error:
    'expected another bucket than INPUT_BUCKET: outcomes there would be taken for pictures; deploy with another outputBucket',
};

const preprocessVariables = z.object({
  ...shared,
  /** Service that preprocess wakes when there is work. Set both variables, or neither. */
  ECS_CLUSTER: ecsName.optional(),
  ECS_SERVICE: ecsName.optional(),
  /** Larger files fail with `image_too_large`, without being read (bytes). */
  MAX_PICTURE_BYTES: whole({ min: 1, max: 5_000_000_000 }).default(50_000_000),
  /** Pictures with more pixels fail with `image_too_large`. */
  MAX_PICTURE_PIXELS: whole({ min: 1, max: 1_000_000_000 }).default(100_000_000),
  /** Most pictures in a tokens message: few for a slow model in a function. */
  MAX_PICTURES_PER_MESSAGE: whole({ min: 1, max: maxPicturesPerMessage }).default(maxPicturesPerMessage),
  /** Decoding child processes (default: one per core). */
  DECODERS: whole({ min: 1, max: 64 }).optional(),
  /** Render SVG. A small SVG file can use much CPU time. */
  ALLOW_SVG: flag.default(false),
});

/** The environment of functions/preprocess. */
export const preprocessEnvironment = preprocessVariables
  .refine(({ ECS_CLUSTER, ECS_SERVICE }) => (ECS_CLUSTER === undefined) === (ECS_SERVICE === undefined), {
    path: ['ECS_SERVICE'],
    error: 'expected both ECS_CLUSTER and ECS_SERVICE, or neither',
    when: () => true,
  })
  .refine(bucketsDiffer, differentBuckets);

export type PreprocessEnvironment = z.output<typeof preprocessEnvironment>;

const workerVariables = z.object({
  ...shared,
  /** Execution provider. No fallback: without a GPU, `cuda` is an error. */
  PROVIDER: choice(['cpu', 'cuda']).default('cpu'),
  /** Number format of the model. Part of the model id. */
  PRECISION: precision.default('f32'),
  /** Outputs to compute, separated by commas (default: all that the checkpoint has). Part of the model id. */
  OUTPUTS: z.string().transform(splitList).pipe(z.array(outputName).min(1)).optional(),
  /** Layer of the features (default: the checkpoint's). Part of the model id. */
  FEATURE_LAYER: whole({ min: 0, max: 1000 }).optional(),
  /** Features before (`raw`) or after (`next`) the following norm (default: the checkpoint's). Part of the model id. */
  FEATURE_NORM: featureNorm.optional(),
  /** What the classes are computed from (default: the checkpoint's). `plain` is part of the model id. */
  INPUT: classInput.optional(),
  /** Threads, each with a session (default: one per core; one on a GPU). */
  WORKERS: whole({ min: 1, max: 256 }).optional(),
  /** How long a held message stays hidden. The worker extends this three times per period (seconds). */
  VISIBILITY_SECONDS: whole({ min: 3, max: 43_200 }).default(workerVisibilitySeconds),
  /**
   * Time from SIGTERM to the end of the process (seconds). Must be below the container's stop timeout, or held messages
   * are not released.
   */
  DRAIN_SECONDS: whole({ min: 1, max: 3600 }).default(drainSeconds),
  /** Folder for a checkpoint from S3 (default: the system's temporary folder). */
  MODEL_CACHE: z.string().min(1).optional(),
});

/** The environment of functions/worker. */
export const workerEnvironment = workerVariables.refine(bucketsDiffer, differentBuckets);

export type WorkerEnvironment = z.output<typeof workerEnvironment>;

/**
 * The environment of functions/infer: the worker's. Lambda itself ends the process. A relative
 * MODEL_LOCATION starts at the bundle.
 */
export const inferEnvironment = workerVariables
  .omit({ DRAIN_SECONDS: true })
  .extend({
    /** The bundle has no other provider. */
    PROVIDER: choice(['cpu']).default('cpu'),
    /** Threads, one per vCPU. Required: the system counts cores of which the function has only a share. */
    WORKERS: whole({ min: 1, max: 256 }),
  })
  .refine(bucketsDiffer, differentBuckets);

export type InferEnvironment = z.output<typeof inferEnvironment>;

const argumentList = z.string().transform((text, context): string[] => {
  try {
    return z.array(z.string()).parse(JSON.parse(text));
  } catch {
    context.addIssue({ code: 'custom', message: 'expected a JSON list of strings' });
    return z.NEVER;
  }
});

/** The variables of a deployment's job definition that decide what its workers compute. */
export const jobDefinition = workerVariables.pick({
  MODEL_LOCATION: true,
  MODEL_ID: true,
  PROVIDER: true,
  PRECISION: true,
  SCALED_DECODING: true,
  OUTPUTS: true,
  FEATURE_LAYER: true,
  FEATURE_NORM: true,
  INPUT: true,
});

export type JobDefinition = z.output<typeof jobDefinition>;

/** The environment of functions/train. */
export const trainEnvironment = z.object({
  /** Place of the model directory and of the training's checkpoints. */
  TRAIN_OUT: s3Prefix,
  /** Checkpoint to start from: `s3://bucket/prefix`, or igpt-nano. */
  TRAIN_MODEL: z.union([s3Prefix, z.literal('igpt-nano')], 'expected s3://bucket/prefix or igpt-nano'),
  /** Other arguments of `igpt train`. */
  TRAIN_ARGUMENTS: argumentList,
  /** A writable folder. */
  TRAIN_FOLDER: z.string().min(1),
  /** Time between two copies of the training to S3 (seconds). */
  TRAIN_COPY_SECONDS: whole({ min: 1, max: 3600 }),
});

/** The environment of functions/batch. */
export const jobEnvironment = workerVariables
  .pick({ MODEL_LOCATION: true, MODEL_CACHE: true, RESULTS_TOPIC_ARN: true })
  .extend({
    /** Place of the job's manifest and shards. */
    BATCH_OUT: s3Prefix,
    /** The child stops when a larger share of its pictures has failed (0 to 1). */
    BATCH_MAX_FAILURE_RATE: z.coerce.number('expected a number from 0 to 1').min(0).max(1).default(0.5),
    /** Index of the shard in the submission (default: 0). AWS Batch sets it in the children of an array job. */
    AWS_BATCH_JOB_ARRAY_INDEX: whole({ min: 0, max: maxArrayChildren - 1 }).default(0),
  });

export type JobEnvironment = z.output<typeof jobEnvironment>;

const stateMachineArn = z
  .string()
  .regex(/^arn:[a-z-]+:states:[a-z0-9-]+:\d{12}:stateMachine:[\w-]+$/, 'expected the ARN of a state machine');

/** The environment of functions/limit. */
export const limitEnvironment = z.object({
  /** The setting `maxUsdPerDay`. */
  MAX_USD_PER_DAY: z.coerce.number('expected an amount in USD').positive(),
  /** What the stack pays for, as JSON. */
  METERS: z.string().transform((text, context): Meter[] => {
    try {
      return z.array(meter).min(1).parse(JSON.parse(text));
    } catch {
      context.addIssue({ code: 'custom', message: 'expected a JSON list of meters (lib/contracts/meters.ts)' });
      return z.NEVER;
    }
  }),
  /** State machines of the cost brake. */
  HOLD_ARN: stateMachineArn,
  RELEASE_ARN: stateMachineArn,
  /** Topic that is told when the limit is reached. */
  ALARM_TOPIC_ARN: topicArn,
  /** For the mail. */
  STACK_NAME: z.string().min(1),
});

export type LimitEnvironment = z.output<typeof limitEnvironment>;
