import { isAbsolute, join } from 'node:path';
import { IgnoreMode, Size, Stack, SymlinkFollowMode } from 'aws-cdk-lib';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, Source } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct, type IDependable } from 'constructs';
import type { DeploymentConfig } from '../deployment-config.ts';
import { computeModelId } from '../model-id.ts';
import { repository } from '../repository.ts';
import { acknowledgeFindings, acknowledgeManagedFunction, acknowledgeWildcards } from './acknowledge.ts';
import { keptLog } from './kept-log.ts';
import { allow } from './permissions.ts';

/** Everything else in a checkpoint directory (pickles, other formats, README) is no part of the model. */
const modelFiles = ['**', '!*.json', '!*.safetensors'];

export interface ModelLocationProps {
  config: DeploymentConfig;
  /** Takes the checkpoint, under `models/`. */
  bucket: IBucket;
}

/**
 * Where the processes find the checkpoint: `models/<model id>/<name>` in the output bucket, which the deployment fills, or
 * an `s3://` prefix that is filled already. A new model gets a place of its own, and the last one stays, so that tasks
 * which still run it, and a roll-back, find it.
 */
export class ModelLocation extends Construct {
  readonly modelId: string;
  readonly bucket: IBucket;
  /** Without a slash at the end. */
  readonly prefix: string;
  /** `s3://bucket/prefix`. */
  readonly location: string;
  /** What must be there before a process starts. */
  readonly ready: readonly IDependable[];

  constructor(scope: Construct, id: string, { config, bucket }: ModelLocationProps) {
    super(scope, id);
    const existing = /^s3:\/\/([^/]+)\/(.+)$/.exec(config.model);
    if (existing) {
      const [, name = '', prefix = ''] = existing;
      this.modelId = config.modelId ?? '';
      this.bucket = Bucket.fromBucketName(this, 'Bucket', name);
      this.prefix = prefix;
      this.ready = [];
    } else {
      const directory = isAbsolute(config.model) ? config.model : join(repository, config.model);
      this.modelId = config.modelId ?? computeModelId(directory, config);
      this.bucket = bucket;
      // A checkpoint that does not say its name is called by its directory, and the name is a part of the id.
      const name = this.modelId.replace(/-[0-9a-f]{12}$/, '');
      this.prefix = `models/${this.modelId}/${name}`;
      this.ready = [this.deploy(directory, config)];
    }
    this.location = `s3://${this.bucket.bucketName}/${this.prefix}`;
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
      // Zip and files lie side by side for a moment; iGPT-L has 5.6 GB. Billed for the minute that it runs.
      memoryLimit: 2048,
      ephemeralStorageSize: Size.gibibytes(10),
      logGroup: keptLog(this, 'Log', logRetentionDays),
    });
    acknowledgeDeploymentFunction(this, this.bucket);
    return deployment;
  }
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
