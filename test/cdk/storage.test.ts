import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { imageGptTemplate, resource } from './synthesize.ts';

const template = imageGptTemplate();
const existing = imageGptTemplate({ inputBucket: 'my-pictures', outputBucket: 'my-outcomes' });

test('both buckets are encrypted, closed to the public, and stay when the stack goes', () => {
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

test('both buckets refuse plain HTTP, and the refusal stays with them', () => {
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

test('the input bucket tells the uploads queue of every picture that comes or goes, without a function', () => {
  const queue = { 'Fn::GetAtt': [resource(template, 'AWS::SQS::Queue', 'QueuesUploads').id, 'Arn'] };

  expect(resource(template, 'AWS::S3::Bucket', 'StorageInput').properties.NotificationConfiguration).toEqual({
    QueueConfigurations: [
      { Event: 's3:ObjectCreated:*', Queue: queue },
      { Event: 's3:ObjectRemoved:*', Queue: queue },
    ],
  });
  template.resourceCountIs('Custom::S3BucketNotifications', 0);
});

test('only S3, and only for buckets of this account, may put notifications into the uploads queue', () => {
  template.hasResource('AWS::SQS::QueuePolicy', {
    Properties: {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sqs:SendMessage',
            Principal: { Service: 's3.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      }),
    },
  });
});

test('the input bucket waits for that policy, because S3 tries it', () => {
  const [policy] = Object.keys(template.findResources('AWS::SQS::QueuePolicy')).filter((id) =>
    id.startsWith('QueuesUploadsPolicy'),
  );

  expect(
    template.findResources('AWS::S3::Bucket')[resource(template, 'AWS::S3::Bucket', 'StorageInput').id],
  ).toMatchObject({ DependsOn: [policy] });
});

test('existing buckets are taken up by name: none is made, and their other notifications stay', () => {
  existing.resourceCountIs('AWS::S3::Bucket', 0);
  existing.hasResourceProperties('Custom::S3BucketNotifications', {
    BucketName: 'my-pictures',
    Managed: false,
    NotificationConfiguration: {
      QueueConfigurations: [
        Match.objectLike({ Events: ['s3:ObjectCreated:*'] }),
        Match.objectLike({ Events: ['s3:ObjectRemoved:*'] }),
      ],
    },
  });
});

test('the outputs name the buckets', () => {
  template.hasOutput('InputBucket', { Value: { Ref: resource(template, 'AWS::S3::Bucket', 'StorageInput').id } });
  existing.hasOutput('OutputBucket', { Value: 'my-outcomes' });
});
