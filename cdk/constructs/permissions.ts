import type { BaseService } from 'aws-cdk-lib/aws-ecs';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';

// Permissions of each process, by API call: CDK's own grants are wider.

/** Prefixes of outcomes; see lib/contracts/keys.ts. */
const outcomePrefixes = ['results/*', 'results-long/*'];

/**
 * GetObject includes HEAD and If-Match. Without ListBucket, S3 answers 403 for a missing picture instead of 404.
 *
 * @param kmsKey ARN of the bucket's own key, if it has one
 */
export function readPictures(input: IBucket, kmsKey: string | undefined): PolicyStatement[] {
  return [
    allow(['s3:GetObject'], [input.arnForObjects('*')]),
    allow(['s3:ListBucket'], [input.bucketArn]),
    ...(kmsKey === undefined ? [] : [allow(['kms:Decrypt'], [kmsKey])]),
  ];
}

/**
 * To write and read objects of a bucket that has its own KMS key; every part of a multipart upload needs Decrypt.
 * Source: Amazon S3 User Guide, "Using server-side encryption with AWS KMS keys", Permissions.
 *
 * @param kmsKey its ARN; undefined for a bucket without one
 */
export function encrypt(kmsKey: string | undefined): PolicyStatement[] {
  return kmsKey === undefined ? [] : [allow(['kms:GenerateDataKey', 'kms:Decrypt'], [kmsKey])];
}

/**
 * Writing needs GetObject, too, for If-Match and to compare ETags. Preprocess and worker delete the outcome of a deleted
 * picture.
 */
export function writeOutcomes(output: IBucket, kmsKey: string | undefined): PolicyStatement[] {
  return [
    allow(
      ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      outcomePrefixes.map((prefix) => output.arnForObjects(prefix)),
    ),
    allow(['s3:ListBucket'], [output.bucketArn]),
    ...encrypt(kmsKey),
  ];
}

/** Checkpoints and models of trainings; see functions/train. */
export function writeTrainings(output: IBucket, kmsKey: string | undefined): PolicyStatement[] {
  return [
    allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], [output.arnForObjects('training/*')]),
    allow(['s3:GetObject'], [output.arnForObjects('models/*')]),
    allow(['s3:ListBucket'], [output.bucketArn]),
    ...encrypt(kmsKey),
  ];
}

/** Manifests and shards of data-set jobs; see functions/batch. */
export function writeJobs(output: IBucket, kmsKey: string | undefined): PolicyStatement[] {
  return [
    allow(['s3:GetObject', 's3:PutObject'], [output.arnForObjects('batch/*')]),
    allow(['s3:ListBucket'], [output.bucketArn]),
    ...encrypt(kmsKey),
  ];
}

/** @param model `readable` is the prefix of all models that may be read */
export function readModel(model: { bucket: IBucket; readable: string }): PolicyStatement[] {
  const { bucket, readable } = model;
  return [
    allow(['s3:GetObject'], [bucket.arnForObjects(`${readable}/*`)]),
    allow(['s3:ListBucket'], [bucket.bucketArn], { StringLike: { 's3:prefix': `${readable}/*` } }),
  ];
}

export function send(queue: IQueue): PolicyStatement {
  return allow(['sqs:SendMessage'], [queue.queueArn]);
}

/** ChangeMessageVisibility extends the visibility of held messages, or releases them. */
export function takeTokens(tokens: IQueue): PolicyStatement {
  return allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'], [tokens.queueArn]);
}

/** Lets preprocess set the desired count to 1 when it is 0. */
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
