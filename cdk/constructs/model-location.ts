import { existsSync, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { IgnoreMode, Size, Stack, SymlinkFollowMode } from 'aws-cdk-lib';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, Source } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct, type IDependable } from 'constructs';
import { type DeploymentConfig, DeploymentConfigError } from '../../lib/contracts/deployment-settings.ts';
import { formatS3Location, parseS3Location } from '../../lib/contracts/s3-location.ts';
import { computeModelId, repository } from '../model-id.ts';
import { acknowledgeFindings, acknowledgeManagedFunction, acknowledgeWildcards } from './acknowledge.ts';
import { logGroup } from './log-group.ts';
import { allow } from './permissions.ts';

/** Everything else in a checkpoint directory (pickles, other formats, README) is no part of the model. */
const modelFiles = ['**', '!*.json', '!*.safetensors'];

/** The CDK command reads a file of an asset at once, and Node reads none above 2 GiB so. */
const mostFileBytes = 2 ** 31 - 1;

/** The function that unpacks has 10 GiB of disk, for the zip and the files side by side; weights hardly shrink. */
const mostBytes = 5e9;

export interface ModelLocationProps {
  config: DeploymentConfig;
  /** Takes the checkpoint, under `models/`. */
  bucket: IBucket;
}

/**
 * Where the processes find the checkpoint: `models/<hash of its id>/<name>` in the output bucket, which the deployment
 * fills, or an `s3://` prefix that is filled already. A new model gets a place of its own, and the last one stays, so that
 * tasks which still run it, and a roll-back, find it.
 */
export class ModelLocation extends Construct {
  readonly modelId: string;
  readonly bucket: IBucket;
  /** Without a slash at the end. */
  readonly prefix: string;
  /** What a process may read: while another model comes, functions and tasks of the last one still start. */
  readonly readable: string;
  /** `s3://bucket/prefix`. */
  readonly location: string;
  /** What must be there before a process starts. */
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
      const directory = isAbsolute(config.model) ? config.model : join(repository, config.model);
      this.modelId = config.modelId ?? computeModelId(directory, config);
      this.bucket = bucket;
      // A checkpoint that does not say its name is called by its directory, and the name is a part of the id.
      const [, name = '', hash = ''] = /^(.+)-([0-9a-f]{12})$/.exec(this.modelId) ?? [];
      refuse(directory, name, this.modelId);
      // CDK takes prefixes of up to 104 characters; a name has up to 64.
      this.prefix = `models/${hash}/${name}`;
      this.readable = 'models';
      this.ready = [this.deploy(directory, config)];
    }
    this.location = formatS3Location({ bucket: this.bucket.bucketName, path: this.prefix });
  }

  private deploy(directory: string, { logRetentionDays }: DeploymentConfig): IDependable {
    const deployment = new BucketDeployment(this, 'Files', {
      // Hub caches are full of links.
      sources: [
        Source.asset(directory, {
          exclude: modelFiles,
          ignoreMode: IgnoreMode.DOCKER,
          followSymlinks: SymlinkFollowMode.ALWAYS,
        }),
      ],
      destinationBucket: this.bucket,
      destinationKeyPrefix: this.prefix,
      prune: false,
      retainOnDelete: true,
      // Billed for the minute that it runs.
      memoryLimit: 2048,
      ephemeralStorageSize: Size.gibibytes(10),
      logGroup: logGroup(this, 'Log', logRetentionDays),
    });
    acknowledgeDeploymentFunction(this, this.bucket);
    return deployment;
  }
}

/** @throws DeploymentConfigError when there is no checkpoint, or the deployment could not upload it; says what to do */
function refuse(directory: string, name: string, modelId: string): void {
  if (!existsSync(join(directory, 'config.json'))) {
    throw new DeploymentConfigError([`model: expected a checkpoint directory; found no config.json in ${directory}`]);
  }
  const sizes = readdirSync(directory)
    .filter((file) => /\.(json|safetensors)$/.test(file))
    .map((file) => statSync(join(directory, file)).size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (Math.max(...sizes) <= mostFileBytes && total <= mostBytes) return;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new DeploymentConfigError([
    `model: expected files of up to 2 GiB, ${gigabytes(mostBytes)} together, which a deployment can upload; received ${gigabytes(total)}, the largest file ${gigabytes(Math.max(...sizes))}. Copy the directory yourself (aws s3 cp --recursive ${directory} s3://BUCKET/${name}/) and deploy with -c model=s3://BUCKET/${name} -c modelId=${modelId}`,
  ]);
}

/** CDK puts one function for all bucket deployments at the top of the stack. */
function acknowledgeDeploymentFunction(scope: Construct, bucket: IBucket): void {
  const reason = 'CDK’s own function: it copies from the assets of the account into the output bucket.';
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
