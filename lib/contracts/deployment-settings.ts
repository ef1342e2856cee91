import { z } from 'zod';
import { choice, featureNorm, outputName } from './choices.ts';
import { defaultInstanceTypes, familyOf } from './instances.ts';
import { modelId } from './keys.ts';
import { isS3Location } from './s3-location.ts';
import { bucketName, directoryOrS3Prefix, splitList } from './setting-types.ts';
import { defaultStackName } from './stack-outputs.ts';

/** `cdk deploy -c name=value` gives text, cdk.json numbers and booleans: both are taken. */
function whole({ min, max }: { min: number; max: number }) {
  const words = `expected a whole number from ${min} to ${max}`;
  return z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,9}$/, words)
          .transform(Number),
      ],
      words,
    )
    .refine((value) => Number.isInteger(value) && value >= min && value <= max, words);
}

const flag = z.union(
  [z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')],
  'expected true or false',
);

function list<T>(item: z.ZodType<T, string>, words: string) {
  return z.union([z.string().transform(splitList), z.array(z.string())], words).pipe(z.array(item).min(1, words));
}

/** `name:tag`, with the registry where it is not Docker Hub. */
const imageName = z.string().regex(/^[a-z0-9][\w.:/@-]*:[\w.-]+$/, 'expected an image with its tag');

/** A month has room for every size that CloudWatch Logs offers below it. */
const retentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 180, 365] as const;

/** How the number of worker tasks follows the tokens queue, unless a deployment says otherwise. */
export const scalingDefaults = { messagesPerTask: 50, maxTasks: 4 };

/** Application Auto Scaling takes at most 20 steps in a policy, and each task needs one. */
const mostTasks = 20;

const instanceTypeWords = 'expected sizes of g6, g5 or g4dn, separated by commas, for instance g6.xlarge';

/** What can be chosen at deploy time, each with `-c name=value` or in cdk.json's `context`. */
export const deploymentSettings = z.strictObject({
  /** Name of the stack: two of them live side by side in one account. Default: ImageGpt. */
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'expected letters, digits and hyphens, at most 64')
    .default(defaultStackName),
  /** `gpu`: ECS on GPU instances. `cpu`: Fargate Spot, for a new account, whose GPU quota is 0. Default: gpu. */
  compute: choice(['gpu', 'cpu']).default('gpu'),
  /** Checkpoint directory (relative to the repository), or `s3://bucket/prefix`. Default: the small model in lib/models. */
  model: directoryOrS3Prefix.default('lib/models/igpt-nano'),
  /** Id that the worker will compute for the model. Default: computed from the directory; needed for `s3://`. */
  modelId: modelId.regex(/.-[0-9a-f]{12}$/, 'expected a name, a hyphen and 12 hex digits').optional(),
  /** What to compute, with commas between. Default: all that the checkpoint has. */
  outputs: list(outputName, 'expected some of classification, features, likelihood, separated by commas').optional(),
  /** Layer of the features. Default: the checkpoint's. */
  featureLayer: whole({ min: 0, max: 1000 }).optional(),
  /** Features before or after the norm that follows. Default: the checkpoint's. */
  featureNorm: featureNorm.optional(),
  /**
   * Number format of the model. Default: f32. Those in 8 bits are for CPUs with VNNI, which Fargate doesn't promise:
   * others can overflow.
   */
  precision: choice(['f32', 'f16']).default('f32'),
  /** Decode large JPEGs at a fraction of their size: faster, not exact. Default: false. */
  scaledDecoding: flag.default(false),
  /** Render SVG, which lets a small file burn much CPU. Default: false. */
  allowSvg: flag.default(false),
  /** An existing bucket with the pictures, for instance one that an earlier stack left. Default: a new one. */
  inputBucket: bucketName.optional(),
  /** ARN of the KMS key of an existing input bucket. Default: it has none of its own. */
  inputKmsKey: z
    .string()
    .regex(/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/, 'expected the ARN of a KMS key')
    .optional(),
  /** An existing bucket for the outcomes, for instance one that an earlier stack left. Default: a new one. */
  outputBucket: bucketName.optional(),
  /** Of the preprocess function. Default: arm64, a fifth cheaper. */
  architecture: choice(['arm64', 'x86_64']).default('arm64'),
  /** Preprocess functions at once for live uploads, at least 2. Default: 50. */
  preprocessConcurrency: whole({ min: 2, max: 1000 }).default(50),
  /** Preprocess functions at once for a backfill, at least 2; low, so that it never starves live uploads. Default: 2. */
  backfillConcurrency: whole({ min: 2, max: 1000 }).default(2),
  /** Worker tasks at most, of each service. Default: 4. */
  maxTasks: whole({ min: 1, max: mostTasks }).default(scalingDefaults.maxTasks),
  /** Outstanding messages of the tokens queue (up to 100 pictures each) for each task. Default: 50. */
  messagesPerTask: whole({ min: 1, max: 100_000 }).default(scalingDefaults.messagesPerTask),
  /** GPU instance types, best first. Default: g6.xlarge, g5.xlarge, g4dn.xlarge. */
  instanceTypes: list(
    z.string().refine((type) => familyOf(type) !== undefined, instanceTypeWords),
    instanceTypeWords,
  ).default([...defaultInstanceTypes]),
  /** Also a place for training jobs, on Fargate Spot: `igpt train --on-aws`. It costs nothing while none runs. Default: false. */
  training: flag.default(false),
  /** Also a place for batch jobs, on the same hardware as the workers: `igpt batch submit`. It costs nothing while none runs. Default: false. */
  batch: flag.default(false),
  /** Shards of batch jobs that are worked on at once, each by a machine. Default: 4. */
  batchTasks: whole({ min: 1, max: 1000 }).default(4),
  /** Who builds the worker's image: Docker where `cdk deploy` runs, or CodeBuild in the account. Default: docker. */
  imageBuild: choice(['docker', 'codebuild']).default('docker'),
  /**
   * Image that Node comes from. Default: Docker Hub's node:24-bookworm-slim. Docker Hub limits pulls without an account by
   * address, and CodeBuild shares its addresses: a mirror has no such limit.
   */
  nodeImage: imageName.optional(),
  /** Image with CUDA 13.0's runtime and NVIDIA's package repository. Default: Docker Hub's of nvidia/cuda that the Dockerfile names. */
  cudaImage: imageName.optional(),
  /** SHA-256 of libonnxruntime_providers_cuda.so: the image's build stops at another one. Default: it prints what came. */
  cudaLibrarySha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits in lower case')
    .optional(),
  /** Gets the alarms by mail, after confirming the subscription. Default: nobody. */
  alarmEmail: z.email('expected a mail address').optional(),
  /** How long logs are kept, days. Default: 30. */
  logRetentionDays: whole({ min: 1, max: 365 })
    .refine(
      (days) => retentionDays.some((kept) => kept === days),
      `expected one of ${retentionDays.join(', ')}, which CloudWatch Logs offers`,
    )
    .default(30),
});

const checkedSettings = deploymentSettings.superRefine((config, context) => {
  if (isS3Location(config.model) && config.modelId === undefined) {
    const message = 'expected the id of the model with an s3:// location (the worker prints it when it meets another)';
    context.addIssue({ code: 'custom', path: ['modelId'], message });
  }
  if (config.inputBucket !== undefined && config.inputBucket === config.outputBucket) {
    const message = 'expected another bucket than inputBucket, or every outcome would come back as a picture';
    context.addIssue({ code: 'custom', path: ['outputBucket'], message });
  }
  if (config.inputKmsKey !== undefined && config.inputBucket === undefined) {
    const message = 'expected inputBucket with it: our own bucket is encrypted with a key of S3';
    context.addIssue({ code: 'custom', path: ['inputKmsKey'], message });
  }
});

export type DeploymentConfig = z.output<typeof deploymentSettings>;

/** The context asks for something that cannot be deployed. `faults` has one line each. */
export class DeploymentConfigError extends Error {
  override readonly name = 'DeploymentConfigError';
  readonly code = 'config_invalid';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
    super([`The deployment’s configuration has ${count}:`, ...faults].join('\n  '));
    this.faults = faults;
  }
}

/** CDK's own entries (feature flags, look-ups) hold one of these; a setting never does. */
const cdkEntry = /[:/@]|^availability-zones|^acknowledged-issue-numbers$|^cli-telemetry$|^tree$/;

/**
 * Reads the configuration from the app's whole context.
 *
 * @throws DeploymentConfigError naming every fault, unknown settings too
 */
export function readDeploymentConfig(context: Readonly<Record<string, unknown>>): DeploymentConfig {
  const given = Object.fromEntries(Object.entries(context).filter(([name]) => !cdkEntry.test(name)));
  const parsed = checkedSettings.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new DeploymentConfigError(parsed.error.issues.flatMap((issue) => faultsOf(issue, given)));
}

function faultsOf(issue: z.core.$ZodIssue, given: Readonly<Record<string, unknown>>): string[] {
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(deploymentSettings.shape).join(', ');
    return issue.keys.map((key) => `${key}: expected one of ${known}`);
  }
  const [name = ''] = issue.path.map(String);
  const received = given[name] === undefined ? 'nothing' : JSON.stringify(given[name]);
  return [`${name}: ${issue.message}; received ${received}`];
}
