import { App, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { describe, expect, test } from 'vitest';
import { Storage } from '../../cdk/constructs/storage.ts';
import { imageGptTemplate, resource } from './synthesize.ts';

const template = imageGptTemplate();
const existing = imageGptTemplate({ inputBucket: 'my-pictures', outputBucket: 'my-outcomes' });

test('both buckets are encrypted, closed to the public, and kept when the stack is deleted', () => {
  template.resourceCountIs('AWS::S3::Bucket', 2);
  template.allResources('AWS::S3::Bucket', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: Match.objectLike({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    }),
  });
});

test('both buckets refuse plain HTTP, also after the stack is deleted', () => {
  template.resourceCountIs('AWS::S3::BucketPolicy', 2);
  template.allResources('AWS::S3::BucketPolicy', {
    DeletionPolicy: 'Retain',
    Properties: Match.objectLike({
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Action: 's3:*',
            Principal: { AWS: '*' },
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ]),
      }),
    }),
  });
});

test('the input bucket notifies the uploads queue of every created, restored and deleted picture', () => {
  const queue = { 'Fn::GetAtt': [resource(template, 'AWS::SQS::Queue', 'QueuesUploads').id, 'Arn'] };

  // As a property of the bucket it would outlive the stack, and no later stack could use the bucket.
  expect(resource(template, 'AWS::S3::Bucket', 'StorageInput').properties.NotificationConfiguration).toBeUndefined();
  expect(resource(template, 'Custom::S3BucketNotifications').properties).toMatchObject({
    BucketName: { Ref: resource(template, 'AWS::S3::Bucket', 'StorageInput').id },
    Managed: true,
    NotificationConfiguration: {
      QueueConfigurations: [
        { Events: ['s3:ObjectCreated:*'], QueueArn: queue },
        { Events: ['s3:ObjectRestore:Completed'], QueueArn: queue },
        { Events: ['s3:ObjectRemoved:*'], QueueArn: queue },
        { Events: ['s3:LifecycleExpiration:*'], QueueArn: queue },
      ],
    },
  });
});

test('only S3, and only for that bucket, may send notifications to the uploads queue', () => {
  const { id } = resource(template, 'AWS::S3::Bucket', 'StorageInput');

  template.hasResourceProperties('AWS::SQS::QueuePolicy', {
    PolicyDocument: Match.objectLike({
      Statement: Match.arrayWith([
        Match.objectLike({
          Effect: 'Allow',
          Action: Match.arrayWith(['sqs:SendMessage']),
          Principal: { Service: 's3.amazonaws.com' },
          Condition: { ArnLike: { 'aws:SourceArn': { 'Fn::GetAtt': [id, 'Arn'] } } },
        }),
      ]),
    }),
  });
});

test('the policy is created before the notifications, because S3 tests it', () => {
  const { id } = resource(template, 'AWS::SQS::QueuePolicy', 'QueuesUploadsPolicy');

  template.hasResource('Custom::S3BucketNotifications', { DependsOn: Match.arrayWith([id]) });
});

test('existing buckets are used by name: none is created, and their other notifications stay', () => {
  existing.resourceCountIs('AWS::S3::Bucket', 0);
  existing.hasResourceProperties('Custom::S3BucketNotifications', {
    BucketName: 'my-pictures',
    Managed: false,
    NotificationConfiguration: {
      QueueConfigurations: [
        Match.objectLike({ Events: ['s3:ObjectCreated:*'] }),
        Match.objectLike({ Events: ['s3:ObjectRestore:Completed'] }),
        Match.objectLike({ Events: ['s3:ObjectRemoved:*'] }),
        Match.objectLike({ Events: ['s3:LifecycleExpiration:*'] }),
      ],
    },
  });
});

test('the outputs name the buckets', () => {
  template.hasOutput('InputBucket', { Value: { Ref: resource(template, 'AWS::S3::Bucket', 'StorageInput').id } });
  existing.hasOutput('OutputBucket', { Value: 'my-outcomes' });
});

test('no function writes a log group that would outlive the stack', () => {
  template.allResourcesProperties('AWS::Lambda::Function', { LoggingConfig: { LogGroup: { Ref: Match.anyValue() } } });
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
  template.allResources('AWS::Logs::LogGroup', { DeletionPolicy: 'Delete' });
});

describe('buckets that a program refers to', () => {
  const app = new App();
  const stack = (id: string) => new Stack(app, id);
  const own = new Bucket(stack('Own'), 'Pictures');
  const one = new Storage(stack('One'), 'Storage', {});

  test('can be any two', () => {
    const { input, output } = new Storage(stack('Two'), 'Storage', { inputBucket: own.bucketName });

    expect(input.bucketName).not.toBe(output.bucketName);
    const both = { inputBucket: one.input.bucketName, outputBucket: one.output.bucketName };
    expect(() => new Storage(stack('Three'), 'Storage', both)).not.toThrow();
  });

  test.each([
    [
      'one bucket for both',
      { inputBucket: own.bucketName, outputBucket: own.bucketName },
      'outputBucket: expected another',
    ],
    [
      'another stack’s input as output',
      { outputBucket: one.input.bucketName },
      'outputBucket: expected no input bucket',
    ],
    [
      'another stack’s output as input',
      { inputBucket: one.output.bucketName },
      'inputBucket: expected no output bucket',
    ],
    [
      'two stacks crosswise',
      { inputBucket: one.output.bucketName, outputBucket: one.input.bucketName },
      'The deployment’s configuration has 2 faults',
    ],
  ])('are refused: %s', (name, buckets, message) => {
    expect(() => new Storage(stack(name.replaceAll(/\W/g, '')), 'Storage', buckets)).toThrow(message);
  });
});
