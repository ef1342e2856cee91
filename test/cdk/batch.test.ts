import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { imageGptApp, imageGptTemplate, type Properties, resource } from './synthesize.ts';

const gpu = imageGptTemplate({ batch: 'true' });
const cpu = imageGptTemplate({ batch: 'true', compute: 'cpu', batchTasks: '10' });

const environmentOf = (template: typeof gpu) =>
  resource(template, 'AWS::Batch::ComputeEnvironment', 'BatchEnvironment').properties;
const definitionOf = (template: typeof gpu) =>
  resource(template, 'AWS::Batch::JobDefinition', 'BatchDefinition').properties;

test('a stack has no place for batch jobs unless it is asked for, and tells where it is', () => {
  const { batchQueue, batchJob } = stackOutputs;
  const without = imageGptTemplate();
  without.resourceCountIs('AWS::Batch::JobQueue', 0);
  expect(Object.keys(without.findOutputs('*'))).not.toContain(batchQueue);
  expect(Object.keys(gpu.findOutputs('*'))).toEqual(expect.arrayContaining([batchQueue, batchJob]));
});

describe('on GPUs', () => {
  test('jobs run on Spot instances of the workers’ types, four at a time, and none is kept', () => {
    expect(environmentOf(gpu)).toMatchObject({
      Type: 'managed',
      ComputeResources: {
        ...{ Type: 'SPOT', AllocationStrategy: 'SPOT_PRICE_CAPACITY_OPTIMIZED', MinvCpus: 0, MaxvCpus: 16 },
        InstanceTypes: ['g6.xlarge', 'g5.xlarge', 'g4dn.xlarge'],
        Ec2Configuration: [{ ImageType: 'ECS_AL2023_NVIDIA' }],
      },
    });
  });

  test('an instance of a larger type may be there for each job', () => {
    const larger = imageGptTemplate({ batch: 'true', batchTasks: '3', instanceTypes: 'g6.xlarge,g5.4xlarge' });
    expect(environmentOf(larger).ComputeResources.MaxvCpus).toBe(3 * 16);
  });

  test('its disk is encrypted, and no container reaches the instance’s role', () => {
    const { LaunchTemplateData: data } = resource(gpu, 'AWS::EC2::LaunchTemplate', 'BatchTemplate').properties;
    expect(data.MetadataOptions).toEqual({ HttpTokens: 'required', HttpPutResponseHopLimit: 1 });
    expect(data.BlockDeviceMappings).toMatchObject([{ Ebs: { Encrypted: true, VolumeSize: 60 } }]);
  });

  test('a child has a GPU and as much of an instance as the worker', () => {
    expect(definitionOf(gpu).PlatformCapabilities).toEqual(['EC2']);
    expect(definitionOf(gpu).ContainerProperties).toMatchObject({
      Command: ['node', 'functions/batch/main.ts'],
      User: 'node',
      ResourceRequirements: [
        { Type: 'MEMORY', Value: '13312' },
        { Type: 'VCPU', Value: '4' },
        { Type: 'GPU', Value: '1' },
      ],
    });
  });
});

test('without GPUs jobs run on Fargate Spot, in the worker’s size', () => {
  expect(environmentOf(cpu).ComputeResources).toMatchObject({ Type: 'FARGATE_SPOT', MaxvCpus: 40 });
  expect(definitionOf(cpu).ContainerProperties.ResourceRequirements).toEqual([
    { Type: 'MEMORY', Value: '8192' },
    { Type: 'VCPU', Value: '4' },
  ]);
});

test.each([
  ['GPUs', gpu, 'cuda'],
  ['Fargate', cpu, 'cpu'],
])('on %s a child is told the stack’s model and topic, and runs the worker’s image', (_, template, provider) => {
  const { ContainerProperties: container } = definitionOf(template);
  const variables = Object.fromEntries(
    container.Environment.map(({ Name, Value }: { Name: string; Value: unknown }) => [Name, Value]),
  );
  expect(variables).toMatchObject({
    ...{ PROVIDER: provider, PRECISION: 'f32', SCALED_DECODING: 'false', MODEL_ID: 'hf16-0123456789ab' },
    MODEL_LOCATION: expect.anything(),
    RESULTS_TOPIC_ARN: { Ref: expect.stringMatching(/^ResultsTopic/) },
  });
  const tasks = Object.values(template.findResources('AWS::ECS::TaskDefinition'));
  for (const { Properties: task } of tasks) {
    expect(container.Image).toEqual(task.ContainerDefinitions[0].Image);
  }
});

test.each([
  ['GPUs', gpu],
  ['Fargate', cpu],
])('on %s a child that Spot takes away is tried again, one that fails is not', (_, template) => {
  expect(definitionOf(template).RetryStrategy).toEqual({
    Attempts: 10,
    EvaluateOnExit: [
      { Action: 'RETRY', OnStatusReason: 'Host EC2*' },
      { Action: 'RETRY', OnStatusReason: 'Your Spot Task was interrupted*' },
      { Action: 'RETRY', OnExitCode: '143' },
      { Action: 'EXIT', OnReason: '*' },
    ],
  });
});

test('a child may read pictures and models, write jobs, tell their end, and nothing else', () => {
  const { PolicyDocument: document } = resource(gpu, 'AWS::IAM::Policy', 'BatchRoleDefaultPolicy').properties;
  const statements: Properties[] = document.Statement;
  expect(new Set(statements.flatMap(({ Action }) => Action))).toEqual(
    new Set(['s3:GetObject', 's3:PutObject', 's3:ListBucket', 'sns:Publish']),
  );
  const written = statements.filter(({ Action }) => [Action].flat().includes('s3:PutObject'));
  expect(written.map(({ Resource }) => JSON.stringify(Resource))).toEqual([expect.stringContaining('/batch/*')]);
});

test.each([
  ['on GPUs', {}],
  ['on Fargate', { compute: 'cpu' }],
])('cdk-nag finds nothing that has no reason given, %s', (_, context) => {
  const { app } = imageGptApp({ ...context, batch: 'true' });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  expect(() => app.synth()).not.toThrow();
});
