import type { BaseService } from 'aws-cdk-lib/aws-ecs';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';

// What each process may do, call by call: CDK's own grants are wider.

/** Where outcomes lie; see lib/contracts/keys.ts. */
const outcomePrefixes = ['results/*', 'results-long/*'];

/**
 * GetObject also covers HEAD and If-Match; without ListBucket a missing picture would be 403 instead of 404.
 * `kmsKey` is the ARN of the bucket's own key.
 */
export function readPictures(input: IBucket, kmsKey: string | undefined): PolicyStatement[] {
  return [
    allow(['s3:GetObject'], [input.arnForObjects('*')]),
    allow(['s3:ListBucket'], [input.bucketArn]),
    ...(kmsKey === undefined ? [] : [allow(['kms:Decrypt'], [kmsKey])]),
  ];
}

/**
 * If-Match and the comparison of ETags read what is there, so GetObject belongs to writing. The outcome of a picture
 * that was deleted goes, whoever notices.
 */
export function writeOutcomes(output: IBucket): PolicyStatement[] {
  return [
    allow(
      ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      outcomePrefixes.map((prefix) => output.arnForObjects(prefix)),
    ),
    allow(['s3:ListBucket'], [output.bucketArn]),
  ];
}

/** A run's checkpoints and model; see functions/train. */
export function writeRuns(output: IBucket): PolicyStatement[] {
  const { training, models } = {
    training: output.arnForObjects('training/*'),
    models: output.arnForObjects('models/*'),
  };
  return [
    allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], [training]),
    allow(['s3:GetObject'], [models]),
    allow(['s3:ListBucket'], [output.bucketArn]),
  ];
}

/** The manifests and shards of batch jobs; see functions/batch. */
export function writeBatches(output: IBucket): PolicyStatement[] {
  return [
    allow(['s3:GetObject', 's3:PutObject'], [output.arnForObjects('batch/*')]),
    allow(['s3:ListBucket'], [output.bucketArn]),
  ];
}

/** `readable` is the prefix below which models lie. */
export function readModel({ bucket, readable }: { bucket: IBucket; readable: string }): PolicyStatement[] {
  return [
    allow(['s3:GetObject'], [bucket.arnForObjects(`${readable}/*`)]),
    allow(['s3:ListBucket'], [bucket.bucketArn], { StringLike: { 's3:prefix': `${readable}/*` } }),
  ];
}

export function send(queue: IQueue): PolicyStatement {
  return allow(['sqs:SendMessage'], [queue.queueArn]);
}

/** Also extends the visibility of what is at hand. */
export function takeTokens(tokens: IQueue): PolicyStatement {
  return allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'], [tokens.queueArn]);
}

/** Sets the desired count to 1 when it is 0. */
export function wake(service: BaseService): PolicyStatement {
  return allow(['ecs:DescribeServices', 'ecs:UpdateService'], [service.serviceArn]);
}

export function publish(topic: ITopic): PolicyStatement {
  return allow(['sns:Publish'], [topic.topicArn]);
}

export function allow(
  actions: string[],
  resources: string[],
  conditions?: Record<string, Record<string, string>>,
): PolicyStatement {
  return new PolicyStatement({ actions, resources, ...(conditions && { conditions }) });
}
