import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { imageGptApp, imageGptTemplate, type Properties, resource } from './synthesize.ts';

describe('data-set jobs', () => {
  const gpu = imageGptTemplate({ batch: 'true' });
  const cpu = imageGptTemplate({ batch: 'true', compute: 'cpu', batchTasks: '10' });

  const environmentOf = (template: typeof gpu) =>
    resource(template, 'AWS::Batch::ComputeEnvironment', 'BatchEnvironment').properties;
  const definitionOf = (template: typeof gpu) =>
    resource(template, 'AWS::Batch::JobDefinition', 'BatchDefinition').properties;

  test('a stack has a queue for data-set jobs only with batch=true, and names it in its outputs', () => {
    const { batchQueue, batchJob } = stackOutputs;
    const without = imageGptTemplate();
    without.resourceCountIs('AWS::Batch::JobQueue', 0);
    expect(Object.keys(without.findOutputs('*'))).not.toContain(batchQueue);
    expect(Object.keys(gpu.findOutputs('*'))).toEqual(expect.arrayContaining([batchQueue, batchJob]));
  });

  describe('on GPUs', () => {
    test('jobs run on Spot instances of the workers’ types, four at a time, and none is kept idle', () => {
      expect(environmentOf(gpu)).toMatchObject({
        Type: 'managed',
        ComputeResources: {
          ...{ Type: 'SPOT', AllocationStrategy: 'SPOT_PRICE_CAPACITY_OPTIMIZED', MinvCpus: 0, MaxvCpus: 16 },
          InstanceTypes: ['g6.xlarge', 'g5.xlarge', 'g4dn.xlarge'],
          Ec2Configuration: [{ ImageType: 'ECS_AL2023_NVIDIA' }],
        },
      });
    });

    test('the vCPU limit leaves each job an instance of the largest type', () => {
      const larger = imageGptTemplate({ batch: 'true', batchTasks: '3', instanceTypes: 'g6.xlarge,g5.4xlarge' });
      expect(environmentOf(larger).ComputeResources.MaxvCpus).toBe(3 * 16);
    });

    test('the disk is encrypted, and no container reaches the instance’s role', () => {
      const { LaunchTemplateData: data } = resource(gpu, 'AWS::EC2::LaunchTemplate', 'BatchTemplate').properties;
      expect(data.MetadataOptions).toEqual({ HttpTokens: 'required', HttpPutResponseHopLimit: 1 });
      expect(data.BlockDeviceMappings).toMatchObject([{ Ebs: { Encrypted: true, VolumeSize: 60 } }]);
    });

    test('a child job has a GPU, and as much of an instance as a worker', () => {
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
  ])('on %s a child job gets the stack’s model and topic, and runs the worker’s image', (_, template, provider) => {
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
  ])(
    'on %s a child job is retried when Spot interrupts it or it does not start, and not when it fails',
    (_, template) => {
      expect(definitionOf(template).RetryStrategy).toEqual({
        Attempts: 10,
        EvaluateOnExit: [
          { Action: 'RETRY', OnStatusReason: 'Host EC2*' },
          { Action: 'RETRY', OnStatusReason: 'Your Spot Task was interrupted*' },
          { Action: 'RETRY', OnStatusReason: 'Task failed to start*' },
          { Action: 'RETRY', OnExitCode: '143' },
          { Action: 'EXIT', OnReason: '*' },
        ],
      });
    },
  );

  test('a child job may read pictures and models, write shards and publish events, and nothing else', () => {
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
  ])('cdk-nag finds nothing unacknowledged, %s', (_, context) => {
    const { app } = imageGptApp({ ...context, batch: 'true' });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).not.toThrow();
  });
});

describe('trainings', () => {
  const trained = { training: 'true' };

  test('a stack has a queue for trainings only with training=true', () => {
    const template = imageGptTemplate();
    for (const type of ['ComputeEnvironment', 'JobQueue', 'JobDefinition']) {
      template.resourceCountIs(`AWS::Batch::${type}`, 0);
    }
    expect(Object.keys(template.findOutputs('*'))).not.toContain(stackOutputs.trainingQueue);
  });

  test('trainings run on Fargate Spot, one at a time, and cost nothing in between', () => {
    const { ComputeResources: resources } = resource(
      imageGptTemplate(trained),
      'AWS::Batch::ComputeEnvironment',
    ).properties;
    expect(resources).toMatchObject({ Type: 'FARGATE_SPOT', MaxvCpus: 16 });
  });

  test('a training is retried when Spot interrupts it or it does not start, and not when it fails', () => {
    const { properties } = resource(imageGptTemplate(trained), 'AWS::Batch::JobDefinition');
    expect(properties.RetryStrategy.Attempts).toBe(10);
    expect(properties.RetryStrategy.EvaluateOnExit).toEqual([
      { Action: 'RETRY', OnStatusReason: 'Host EC2*' },
      { Action: 'RETRY', OnStatusReason: 'Your Spot Task was interrupted*' },
      { Action: 'RETRY', OnStatusReason: 'Task failed to start*' },
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

  test('a training may read pictures and models and write checkpoints, and nothing else', () => {
    const template = imageGptTemplate(trained);
    const { properties } = resource(template, 'AWS::IAM::Policy', 'TrainingRoleDefaultPolicy');
    const actions = properties.PolicyDocument.Statement.flatMap(({ Action }: { Action: string | string[] }) => Action);
    expect(new Set(actions)).toEqual(new Set(['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket']));
    const written = properties.PolicyDocument.Statement.find(({ Action }: { Action: string[] }) =>
      Action.includes('s3:PutObject'),
    );
    expect(JSON.stringify(written.Resource)).toContain('/training/*');
  });

  test('its image holds the command, the trainer and igpt-nano; the worker’s image does not', () => {
    const { app } = imageGptApp({ ...trained, compute: 'cpu' });
    const { directory } = app.synth();
    const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.assets.json'));
    const images: { source: { directory: string } }[] = Object.values(
      JSON.parse(readFileSync(join(directory, file), 'utf8')).dockerImages,
    );
    const has = (path: string) =>
      images.map(({ source }) => existsSync(join(directory, source.directory, path))).sort();
    for (const path of ['lib/cli/igpt.js', 'lib/training/train.ts', 'lib/models/igpt-nano/model.safetensors']) {
      expect(has(path), path).toEqual([false, true]);
    }
    expect(has('functions/train/main.ts')).toEqual([true, true]);
  });

  test('cdk-nag finds nothing unacknowledged, and the outputs name the queue', () => {
    const { app, stack } = imageGptApp(trained);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).not.toThrow();
    const outputs = Object.keys(Template.fromStack(stack).findOutputs('*'));
    expect(outputs).toEqual(expect.arrayContaining([stackOutputs.trainingQueue, stackOutputs.trainingJob]));
  });
});
