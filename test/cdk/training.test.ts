import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { imageGptApp, imageGptTemplate, resource } from './synthesize.ts';

const trained = { training: 'true' };

test('a stack has no place for training unless it is asked for', () => {
  const template = imageGptTemplate();
  for (const type of ['ComputeEnvironment', 'JobQueue', 'JobDefinition']) {
    template.resourceCountIs(`AWS::Batch::${type}`, 0);
  }
  expect(Object.keys(template.findOutputs('*'))).not.toContain(stackOutputs.trainingQueue);
});

test('jobs run on Fargate Spot, one at a time, and cost nothing between', () => {
  const { ComputeResources: resources } = resource(
    imageGptTemplate(trained),
    'AWS::Batch::ComputeEnvironment',
  ).properties;
  expect(resources).toMatchObject({ Type: 'FARGATE_SPOT', MaxvCpus: 16 });
});

test('a job that Spot takes away is tried again, one that fails is not', () => {
  const { properties } = resource(imageGptTemplate(trained), 'AWS::Batch::JobDefinition');
  expect(properties.RetryStrategy.Attempts).toBe(10);
  expect(properties.RetryStrategy.EvaluateOnExit).toEqual([
    { Action: 'RETRY', OnStatusReason: 'Host EC2*' },
    { Action: 'RETRY', OnStatusReason: 'Your Spot Task was interrupted*' },
    { Action: 'RETRY', OnExitCode: '143' },
    { Action: 'EXIT', OnReason: '*' },
  ]);
  expect(properties.ContainerProperties).toMatchObject({
    Command: ['node', 'functions/train/main.ts'],
    User: 'node',
    ResourceRequirements: [
      { Type: 'MEMORY', Value: '32768' },
      { Type: 'VCPU', Value: '16' },
    ],
  });
});

test('a job reads pictures and models, and writes runs, and nothing else', () => {
  const template = imageGptTemplate(trained);
  const { properties } = resource(template, 'AWS::IAM::Policy', 'TrainingRoleDefaultPolicy');
  const actions = properties.PolicyDocument.Statement.flatMap(({ Action }: { Action: string | string[] }) => Action);
  expect(new Set(actions)).toEqual(new Set(['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket']));
  const written = properties.PolicyDocument.Statement.find(({ Action }: { Action: string[] }) =>
    Action.includes('s3:PutObject'),
  );
  expect(JSON.stringify(written.Resource)).toContain('/training/*');
});

test('its image holds the command, the trainer and igpt-nano; the worker’s does not', () => {
  const { app } = imageGptApp({ ...trained, compute: 'cpu' });
  const { directory } = app.synth();
  const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.assets.json'));
  const images: { source: { directory: string } }[] = Object.values(
    JSON.parse(readFileSync(join(directory, file), 'utf8')).dockerImages,
  );
  const has = (path: string) => images.map(({ source }) => existsSync(join(directory, source.directory, path))).sort();
  for (const path of ['lib/cli/igpt.js', 'lib/training/train.ts', 'lib/models/igpt-nano/model.safetensors']) {
    expect(has(path), path).toEqual([false, true]);
  }
  expect(has('functions/train/main.ts')).toEqual([true, true]);
});

test('cdk-nag finds nothing that has no reason given, and the commands find the queue', () => {
  const { app, stack } = imageGptApp(trained);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  expect(() => app.synth()).not.toThrow();
  const outputs = Object.keys(Template.fromStack(stack).findOutputs('*'));
  expect(outputs).toEqual(expect.arrayContaining([stackOutputs.trainingQueue, stackOutputs.trainingJob]));
});
