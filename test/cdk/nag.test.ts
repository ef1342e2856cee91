import { Validations } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import { imageGptApp } from './synthesize.ts';

test.each([
  ['on GPU instances', {}],
  ['on Fargate', { compute: 'cpu' }],
  ['on Lambda', { compute: 'lambda' }],
  ['on Lambda, with jobs', { compute: 'lambda', batch: 'true', training: 'true' }],
  ['with existing buckets', { inputBucket: 'my-pictures', outputBucket: 'my-outcomes' }],
  [
    'with an output bucket that has a KMS key',
    { outputBucket: 'my-outcomes', outputKmsKey: 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd' },
  ],
  ['with an image from CodeBuild', { imageBuild: 'codebuild' }],
  ['with a daily limit', { maxUsdPerDay: 5 }],
])('cdk-nag’s AwsSolutions rules find nothing unacknowledged, %s', (_, context) => {
  const { app } = imageGptApp(context);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

  expect(() => app.synth()).not.toThrow();
});

test('cdk-nag would find a queue without an acknowledgement', () => {
  const { app, stack } = imageGptApp();
  new Queue(stack, 'Careless');
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

  expect(() => app.synth()).toThrow('AwsSolutions-SQS4');
});
