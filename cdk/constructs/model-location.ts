import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { IgnoreMode, Size, Stack, SymlinkFollowMode } from 'aws-cdk-lib';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, Source } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct, type IDependable } from 'constructs';
import { type DeploymentConfig, DeploymentConfigError } from '../../lib/contracts/deployment-settings.ts';
import { formatS3Location, parseS3Location } from '../../lib/contracts/s3-location.ts';
import { checkpointBytes, checkpointFiles, computeModelId, modelDirectory } from '../model.ts';
import { acknowledgeFindings, acknowledgeManagedFunction, acknowledgeWildcards } from './acknowledge.ts';
import { logGroup } from './log-group.ts';
import { allow, encrypt } from './permissions.ts';

/** Excludes the other files of a checkpoint directory, such as pickles, other formats and README. */
const excluded = ['**', '!*.json', '!*.safetensors'];

/** The cdk command reads each file of an asset whole, and Node reads at most 2 GiB at once. */
const maxFileBytes = 2 ** 31 - 1;

/** CDK's function that unpacks the asset has 10 GiB of disk for the zip and the files, and weights hardly compress. */
const maxBytes = 5e9;

export interface ModelLocationProps {
  config: DeploymentConfig;
  /** Receives the checkpoint, under `models/`. */
  bucket: IBucket;
}

/**
 * The place of the checkpoint on S3. A directory is copied to `models/<hash of its id>/<name>` in the output bucket; an
 * `s3://` prefix is used as it is. Each model has its own place, so that running tasks and a rollback find the old one.
 */
export class ModelLocation extends Construct {
  readonly modelId: string;
  /** The directory that is copied; undefined for an `s3://` prefix. */
  readonly directory: string | undefined;
  readonly bucket: IBucket;
  /** Without a slash at the end. */
  readonly prefix: string;
  /** Prefix that processes may read. It covers older models, whose processes may still start during a deployment. */
  readonly readable: string;
  /** `s3://bucket/prefix`. */
  readonly location: string;
  /** Resources that must exist before a process starts. */
  readonly ready: readonly IDependable[];

  constructor(scope: Construct, id: string, { config, bucket }: ModelLocationProps) {
    super(scope, id);
    const existing = parseS3Location(config.model);
    if (existing !== undefined) {
      this.modelId = config.modelId ?? '';
      this.bucket = Bucket.fromBucketName(this, 'Bucket', existing.bucket);
      this.prefix = existing.path;
      this.readable = existing.path;
      this.ready = [];
    } else {
      const directory = modelDirectory(config.model);
      this.directory = directory;
      this.modelId = config.modelId ?? computeModelId(directory, config);
      this.bucket = bucket;
      // The last part must be the name of the id: a checkpoint without a name takes that of its directory.
      const [, name = '', hash = ''] = /^(.+)-([0-9a-f]{12})$/.exec(this.modelId) ?? [];
      checkUploadable(directory, name, this.modelId);
      // CDK allows prefixes of up to 104 characters; a name has up to 64.
      this.prefix = `models/${hash}/${name}`;
      this.readable = 'models';
      this.ready = [this.deploy(directory, config)];
    }
    this.location = formatS3Location({ bucket: this.bucket.bucketName, path: this.prefix });
  }

  private deploy(directory: string, { logRetentionDays, outputKmsKey }: DeploymentConfig): IDependable {
    const deployment = new BucketDeployment(this, 'Files', {
      // A hub cache holds symbolic links.
      sources: [
        Source.asset(directory, {
          exclude: excluded,
          ignoreMode: IgnoreMode.DOCKER,
          followSymlinks: SymlinkFollowMode.ALWAYS,
        }),
      ],
      destinationBucket: this.bucket,
      destinationKeyPrefix: this.prefix,
      prune: false,
      retainOnDelete: true,
      // It runs for a minute per deployment, so memory is cheap.
      memoryLimit: 2048,
      ephemeralStorageSize: Size.gibibytes(10),
      logGroup: logGroup(this, 'Log', logRetentionDays),
    });
    for (const statement of encrypt(outputKmsKey)) deployment.handlerRole.addToPrincipalPolicy(statement);
    acknowledgeDeploymentFunction(this, this.bucket);
    return deployment;
  }
}

/** @throws DeploymentConfigError when there is no checkpoint, or it is too large for a deployment to upload */
function checkUploadable(directory: string, name: string, modelId: string): void {
  if (!existsSync(join(directory, 'config.json'))) {
    throw new DeploymentConfigError([`model: expected a checkpoint directory; found no config.json in ${directory}`]);
  }
  const sizes = checkpointFiles(directory).map(({ bytes }) => bytes);
  const total = checkpointBytes(directory);
  if (Math.max(...sizes) <= maxFileBytes && total <= maxBytes) return;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new DeploymentConfigError([
    `model: expected files of up to 2 GiB, ${gigabytes(maxBytes)} together, which a deployment can upload; received ${gigabytes(total)}, the largest file ${gigabytes(Math.max(...sizes))}. Copy the directory yourself (aws s3 cp --recursive ${directory} s3://BUCKET/${name}/) and deploy with -c model=s3://BUCKET/${name} -c modelId=${modelId}`,
  ]);
}

/** Acknowledges findings about CDK's function for bucket deployments, which is a child of the stack. */
function acknowledgeDeploymentFunction(scope: Construct, bucket: IBucket): void {
  const reason = 'A function of CDK; it copies from the assets of the account to the output bucket.';
  const actions = ['s3:GetBucket*', 's3:GetObject*', 's3:List*', 's3:Abort*', 's3:DeleteObject*'];
  const stack = Stack.of(scope);
  const assets = stack.synthesizer.bootstrapQualifier ?? '';
  for (const child of stack.node.children) {
    if (!child.node.id.startsWith('Custom::CDKBucketDeployment')) continue;
    acknowledgeFindings(
      child,
      [`Resource::arn:<AWS::Partition>:s3:::cdk-${assets}-assets-<AWS::AccountId>-<AWS::Region>/*`],
      reason,
    );
    acknowledgeWildcards(child, [allow(actions, [bucket.arnForObjects('*')])], reason);
    acknowledgeManagedFunction(child);
  }
}
