import { z } from 'zod';
import { bucketName, choice, classInput, directoryOrS3Prefix, featureNorm, outputName } from './field-types.ts';
import { inferMemory } from './infer-function.ts';
import {
  defaultInstanceTypes,
  defaultInstanceTypesIn,
  familyOf,
  gpuInstanceNames,
  isGpuInstance,
} from './instances.ts';
import { modelId } from './keys.ts';
import { isS3Location } from './s3-location.ts';
import { concurrency, flag, imageName, kmsKey, list, usdAmount, whole } from './setting-types.ts';
import { defaultStackName } from './stack-outputs.ts';

/** Periods that CloudWatch Logs offers, up to a year (days). */
const retentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 180, 365] as const;

/** Defaults of the scaling: how the number of worker tasks follows the tokens queue. */
export const scalingDefaults = { messagesPerTask: 50, maxTasks: 4 };

/**
 * Minutes without outstanding messages before the tasks end. A GPU instance takes about four minutes to start, so it is
 * kept for the next pictures a little longer than that.
 */
export const emptyMinutes = 10;

/** A policy of Application Auto Scaling has at most 20 steps, and each task needs one. */
const mostTasks = 20;

const expectedInstanceTypes = 'expected sizes of g6, g5 or g4dn, separated by commas, for instance g6.xlarge';

/** Settings of a deployment: `-c name=value`, or `context` in cdk.json. */
export const deploymentSettings = z.strictObject({
  /** Name of the stack. An account can hold several stacks. Default: ImageGpt. */
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'expected letters, digits and hyphens, at most 64')
    .default(defaultStackName),
  /** Account to deploy to. With `region`, the network uses every availability zone. Default: that of the credentials. */
  account: z
    .string()
    .regex(/^\d{12}$/, 'expected the 12 digits of an account')
    .optional(),
  /** Region to deploy to. Set both, or neither. Default: that of the credentials, with two availability zones. */
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'expected a region, for instance eu-central-1')
    .optional(),
  /**
   * `gpu`: ECS on GPU instances. `cpu`: Fargate Spot. `lambda`: functions, without Docker and without a quota to ask for.
   * Default: gpu, which has the highest throughput.
   */
  compute: choice(['gpu', 'cpu', 'lambda']).default('gpu'),
  /** Checkpoint directory (relative to the repository), or `s3://bucket/prefix`. Default: igpt-nano in lib/models. */
  model: directoryOrS3Prefix.default('lib/models/igpt-nano'),
  /** Expected model id. Default: computed from the directory. Required for `s3://`. */
  modelId: modelId.regex(/.-[0-9a-f]{12}$/, 'expected a name, a hyphen and 12 hex digits').optional(),
  /** Outputs to compute, separated by commas. Default: all that the checkpoint has. */
  outputs: list(outputName, 'expected some of classification, features, likelihood, separated by commas').optional(),
  /** Layer of the features. Default: the checkpoint's. */
  featureLayer: whole({ min: 0, max: 1000 }).optional(),
  /** Features before (`raw`) or after (`next`) the following norm. Default: the checkpoint's. */
  featureNorm: featureNorm.optional(),
  /** What the classes are computed from: the tokens behind SOS, or plain tokens. Default: the checkpoint's. */
  input: classInput.optional(),
  /**
   * Number format of the model. Default: f32. The 8-bit formats are not offered: they can overflow on CPUs without VNNI,
   * and Fargate does not guarantee VNNI.
   */
  precision: choice(['f32', 'f16']).default('f32'),
  /** Decode large JPEGs at a fraction of their size: faster, but not exact. Default: false. */
  scaledDecoding: flag.default(false),
  /** Render SVG. A small SVG file can use much CPU time. Default: false. */
  allowSvg: flag.default(false),
  /** Largest picture file (MB). Default: 50. Larger files fail with `image_too_large`. */
  maxMegabytes: whole({ min: 1, max: 100 }).default(50),
  /** Most pixels of a picture (millions). Default: 100, which is the most that fits into the function's memory. */
  maxMegapixels: whole({ min: 1, max: 100 }).default(100),
  /** Existing bucket with the pictures, such as that of an earlier stack. Default: a new bucket. */
  inputBucket: bucketName.optional(),
  /** ARN of the KMS key of an existing input bucket. Default: none, for a bucket without a KMS key. */
  inputKmsKey: kmsKey.optional(),
  /** Existing bucket for the outcomes, such as that of an earlier stack. Default: a new bucket. */
  outputBucket: bucketName.optional(),
  /** ARN of the KMS key of an existing output bucket. Default: none, for a bucket without a KMS key. */
  outputKmsKey: kmsKey.optional(),
  /** Processor of the preprocess function. Default: arm64, which is a fifth cheaper. */
  architecture: choice(['arm64', 'x86_64']).default('arm64'),
  /**
   * Concurrent preprocess functions for live uploads, at least 2. Default: 6; with `compute=lambda` 2. A new account may
   * run 10 functions at once: these, those of a backfill, the inference functions, and two of the deployment or the user.
   */
  preprocessConcurrency: concurrency.default(6),
  /** Concurrent preprocess functions for a backfill, at least 2. Default: 2, so that live uploads are not delayed. */
  backfillConcurrency: concurrency.default(2),
  /**
   * Memory of an inference function (MB). Each 1,769 MB bring a vCPU, hence a thread. Default: 3008, the most that a new
   * account may use.
   */
  inferMemory: whole(inferMemory).default(inferMemory.default),
  /**
   * Concurrent inference functions, at least 2: the maximum of the queue's event source mapping. It reserves nothing: see
   * `inferReserved`. Default: 4.
   */
  inferConcurrency: concurrency.default(4),
  /**
   * Reserves `inferConcurrency` functions of the account's, and one for a test of the deployment, so that other functions
   * of the account cannot take them. Default: false. AWS refuses a reservation that leaves fewer than 100 functions
   * unreserved, so a new account can reserve none.
   */
  inferReserved: flag.default(false),
  /** Most worker tasks of each service. Default: 4. */
  maxTasks: whole({ min: 1, max: mostTasks }).default(scalingDefaults.maxTasks),
  /** Outstanding messages of the tokens queue per task. A message has up to 100 pictures. Default: 50. */
  messagesPerTask: whole({ min: 1, max: 100_000 }).default(scalingDefaults.messagesPerTask),
  /** GPU instance types, best first. Default: those of g6.xlarge, g5.xlarge and g4dn.xlarge that the region has. */
  instanceTypes: list(
    z.string().refine((type) => familyOf(type) !== undefined, expectedInstanceTypes),
    expectedInstanceTypes,
  ).default([...defaultInstanceTypes]),
  /** Adds a job queue for `igpt train --on-aws`, on Fargate Spot. It costs nothing while no job runs. Default: false. */
  training: flag.default(false),
  /** Adds a job queue for `igpt batch submit`, on the workers' hardware. It costs nothing while no job runs. Default: false. */
  batch: flag.default(false),
  /** Shards of jobs that are processed at once, each on a machine of its own. Default: 4. */
  batchTasks: whole({ min: 1, max: 1000 }).default(4),
  /**
   * Runs a changed worker or inference function once during the deployment: it opens the model and predicts a picture. If
   * that fails, the deployment is rolled back. On a GPU it takes about ten minutes. Default: true.
   */
  proveDeployment: flag.default(true),
  /** Builder of the worker's image: Docker on this machine, or CodeBuild in the account. Default: docker. */
  imageBuild: choice(['docker', 'codebuild']).default('docker'),
  /** Base image with Node. Default: Docker's official image, from ECR Public; see the Dockerfile. */
  nodeImage: imageName.optional(),
  /** Base image with the runtime of CUDA 13.0 and NVIDIA's package repository. Default: the one in the Dockerfile. */
  cudaImage: imageName.optional(),
  /** SHA-256 of libonnxruntime_providers_cuda.so. The build stops if it differs. Default: the build prints it. */
  cudaLibrarySha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits in lower case')
    .optional(),
  /** Mail address for alarms; its owner must confirm the subscription. Default: none. */
  alarmEmail: z.email('expected a mail address').optional(),
  /**
   * The stack stops for the rest of the UTC day when it has spent about this much (USD). The estimate counts machines,
   * functions and requests at list prices on demand; jobs of AWS Batch are not in it. Default: none.
   */
  maxUsdPerDay: usdAmount.optional(),
  /** How long logs are kept (days). Default: 30. */
  logRetentionDays: whole({ min: 1, max: 365 })
    .refine(
      (days) => retentionDays.some((kept) => kept === days),
      `expected one of ${retentionDays.join(', ')}, which CloudWatch Logs offers`,
    )
    .default(30),
});

const checkedSettings = deploymentSettings.superRefine((config, context) => {
  if (isS3Location(config.model) && config.modelId === undefined) {
    const message =
      'expected the id of the model with an s3:// location (if it is wrong, the worker prints the right one)';
    context.addIssue({ code: 'custom', path: ['modelId'], message });
  }
  if (config.inputBucket !== undefined && config.inputBucket === config.outputBucket) {
    const message = 'expected another bucket than inputBucket, because outcomes there would be taken for pictures';
    context.addIssue({ code: 'custom', path: ['outputBucket'], message });
  }
  const unpriced = config.instanceTypes.filter((type) => !isGpuInstance(type));
  if (config.maxUsdPerDay !== undefined && config.compute === 'gpu' && unpriced.length > 0) {
    const message = `expected instance types with a known price for maxUsdPerDay (${gpuInstanceNames.join(', ')}), not ${unpriced.join(', ')}`;
    context.addIssue({ code: 'custom', path: ['instanceTypes'], message });
  }
  if ((config.account === undefined) !== (config.region === undefined)) {
    const path = config.account === undefined ? 'account' : 'region';
    context.addIssue({ code: 'custom', path: [path], message: 'expected both account and region, or neither' });
  }
  for (const name of ['inputKmsKey', 'outputKmsKey'] as const) {
    const [, , , region] = config[name]?.split(':') ?? [];
    if (region === undefined || config.region === undefined || region === config.region) continue;
    const message = `expected a key in ${config.region}, because a bucket and its key are in one region`;
    context.addIssue({ code: 'custom', path: [name], message });
  }
  for (const [name, ofAnother] of [
    ['inputBucket', 'output'],
    ['outputBucket', 'input'],
  ] as const) {
    if (!isBucketOfStack(config[name] ?? '', ofAnother)) continue;
    const message = `expected another bucket, because this is the ${ofAnother} bucket of a stack: its outcomes would be taken for pictures, or its pictures’ bucket would receive outcomes`;
    context.addIssue({ code: 'custom', path: [name], message });
  }
  for (const [key, bucket] of [
    ['inputKmsKey', 'inputBucket'],
    ['outputKmsKey', 'outputBucket'],
  ] as const) {
    if (config[key] === undefined || config[bucket] !== undefined) continue;
    const message = `expected ${bucket} too; the stack’s own bucket is encrypted with a key of S3`;
    context.addIssue({ code: 'custom', path: [key], message });
  }
});

/**
 * Whether the name is one that CloudFormation gives to the input or output bucket of a stack, in lower case:
 * `<stack>-storageinput<8 hex>-<random>`. Source: AWS CloudFormation User Guide, "Name type".
 */
function isBucketOfStack(bucket: string, role: 'input' | 'output'): boolean {
  return new RegExp(`-storage${role}[0-9a-f]{8}-[a-z0-9]+$`).test(bucket);
}

export type DeploymentConfig = z.output<typeof deploymentSettings>;

/** The settings cannot be deployed. `faults` has a line per fault. */
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

/** Matches the names of CDK's own context entries (feature flags, look-ups), but no setting. */
const cdkEntry = /[:/@]|^availability-zones|^acknowledged-issue-numbers$|^cli-telemetry$|^tree$/;

/**
 * Reads the settings from the app's context.
 *
 * @param credentialsRegion the region that is deployed to if the settings name none; undefined if it is unknown
 * @throws {DeploymentConfigError} with every fault, including unknown settings
 */
export function readDeploymentConfig(
  context: Readonly<Record<string, unknown>>,
  credentialsRegion?: string | undefined,
): DeploymentConfig {
  const given = Object.fromEntries(Object.entries(context).filter(([name]) => !cdkEntry.test(name)));
  const parsed = checkedSettings.safeParse(given);
  if (parsed.success) {
    const config = 'preprocessConcurrency' in given ? parsed.data : fitConcurrency(parsed.data);
    return 'instanceTypes' in given ? config : fitRegion(config, credentialsRegion);
  }
  throw new DeploymentConfigError(parsed.error.issues.flatMap((issue) => faultsOf(issue, given)));
}

/** Leaves room for the inference functions, so that a new account can run all functions at once. */
export function fitConcurrency<T extends Pick<DeploymentConfig, 'compute' | 'preprocessConcurrency'>>(config: T): T {
  return config.compute === 'lambda' ? { ...config, preprocessConcurrency: 2 } : config;
}

/** Leaves out default instance types that the region lacks: one of them would fail AWS Batch's whole environment. */
function fitRegion(config: DeploymentConfig, credentialsRegion: string | undefined): DeploymentConfig {
  const region = config.region ?? credentialsRegion;
  const instanceTypes = defaultInstanceTypesIn(region);
  if (instanceTypes.length > 0 || config.compute !== 'gpu') return { ...config, instanceTypes };
  throw new DeploymentConfigError([
    `instanceTypes: ${region} has none of ${defaultInstanceTypes.join(', ')} as far as we know; deploy with compute=cpu or lambda, to another region, or name types that igpt doctor finds there`,
  ]);
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
