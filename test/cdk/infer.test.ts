import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inferEnvironment } from '../../lib/contracts/environment.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { imageGptApp, imageGptTemplate, type Properties, resource } from './synthesize.ts';

const template = imageGptTemplate({ compute: 'lambda' });
const withJobs = imageGptTemplate({ compute: 'lambda', batch: 'true', training: 'true' });

/** What functions do not need. */
const foreign = /^AWS::(EC2|ECS|ECR|AutoScaling|ApplicationAutoScaling|CodeBuild|Batch)::/;

function typesOf(of: typeof template): string[] {
  const { Resources: resources } = of.toJSON();
  return Object.values<{ Type: string }>(resources).map(({ Type }) => Type);
}

describe('the template of compute=lambda', () => {
  test.each([
    {},
    { imageBuild: 'codebuild' },
    { proveDeployment: 'true', maxUsdPerDay: 5, alarmEmail: 'a@example.com' },
  ])('with %o has no network, cluster, image, scaling or build', (context) => {
    expect(typesOf(imageGptTemplate({ compute: 'lambda', ...context })).filter((type) => foreign.test(type))).toEqual(
      [],
    );
  });

  test('needs no Docker: all its assets are files', () => {
    const { app, stack } = imageGptApp({ compute: 'lambda' });
    const { directory } = app.synth();
    const assets = JSON.parse(readFileSync(join(directory, `${stack.stackName}.assets.json`), 'utf8'));

    expect(assets.dockerImages).toEqual({});
    expect(Object.keys(assets.files).length).toBeGreaterThan(4);
  });

  test('names the function, and neither cluster nor service', () => {
    template.hasOutput('InferFunction', {
      Value: { Ref: resource(template, 'AWS::Lambda::Function', 'InferHandler').id },
    });
    const outputs = Object.keys(template.findOutputs('*'));
    expect(outputs.filter((name) => ['Cluster', 'Service', 'OnDemandService'].includes(name))).toEqual([]);
    expect(Object.keys(imageGptTemplate({ compute: 'cpu' }).findOutputs('*'))).not.toContain('InferFunction');
  });

  test('with jobs it has network and image for them, on Fargate', () => {
    withJobs.resourceCountIs('AWS::EC2::VPC', 1);
    withJobs.resourceCountIs('AWS::ECS::Service', 0);
    withJobs.allResourcesProperties('AWS::Batch::JobDefinition', { PlatformCapabilities: ['FARGATE'] });
    withJobs.resourceCountIs('AWS::Batch::JobDefinition', 2);
    const { Environment: environment } = resource(withJobs, 'AWS::Batch::JobDefinition', 'BatchDefinition').properties
      .ContainerProperties;
    expect(environment).toContainEqual({ Name: 'PROVIDER', Value: 'cpu' });
  });
});

describe('a deployment that changes the function', () => {
  test('calls it before preprocess sends it tokens of a new model', () => {
    const [trigger = ''] = Object.keys(template.findResources('Custom::Trigger'));
    const { Resources: resources } = template.toJSON();
    const { DependsOn: after } = resources[resource(template, 'AWS::Lambda::Function', 'PreprocessHandler').id];

    expect(trigger).toMatch(/^LambdaProofTrigger/);
    expect(after).toContain(trigger);
  });

  test('calls nothing with proveDeployment=false', () => {
    imageGptTemplate({ compute: 'lambda', proveDeployment: 'false' }).resourceCountIs('Custom::Trigger', 0);
  });
});

test('the function runs on Node 24 and x86-64, for at most 15 minutes, with two threads', () => {
  const { properties } = resource(template, 'AWS::Lambda::Function', 'InferHandler');

  expect(properties).toMatchObject({
    Runtime: 'nodejs24.x',
    Architectures: ['x86_64'],
    Handler: 'index.handler',
    Timeout: 900,
    MemorySize: 3008,
    EphemeralStorage: { Size: 512 },
  });
  expect(properties.VpcConfig).toBeUndefined();
  expect(properties.ReservedConcurrentExecutions).toBeUndefined();
});

test('the function accepts its environment, with the settings of the model', () => {
  const settings = { outputs: 'features', featureLayer: 3, featureNorm: 'raw', precision: 'f16' };
  const of = imageGptTemplate({ compute: 'lambda', ...settings, inferMemory: 10_240 });
  const { Variables: variables } = resource(of, 'AWS::Lambda::Function', 'InferHandler').properties.Environment;

  expect(inferEnvironment.parse(plain(variables))).toMatchObject({
    MODEL_LOCATION: './model/hf16',
    MODEL_ID: 'hf16-0123456789ab',
    MODEL_CACHE: '/tmp',
    PROVIDER: 'cpu',
    WORKERS: 6,
    OUTPUTS: ['features'],
    FEATURE_LAYER: 3,
    FEATURE_NORM: 'raw',
    PRECISION: 'f16',
  });
});

test.each([
  ['PreprocessMessages', 'QueuesUploads', 2],
  ['BackfillMessages', 'QueuesBackfill', 2],
  ['InferMessages', 'QueuesTokens', 4],
])('%s delivers at once, at most 10, and each may fail alone', (name, queue, MaximumConcurrency) => {
  expect(resource(template, 'AWS::Lambda::EventSourceMapping', name).properties).toMatchObject({
    BatchSize: 10,
    MaximumBatchingWindowInSeconds: 0,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency },
    EventSourceArn: { 'Fn::GetAtt': [resource(template, 'AWS::SQS::Queue', queue).id, 'Arn'] },
  });
});

test('a reservation is a choice, and has room for a test of the deployment', () => {
  const reserved = imageGptTemplate({ compute: 'lambda', inferConcurrency: 20, inferReserved: 'true' });

  expect(resource(reserved, 'AWS::Lambda::Function', 'InferHandler').properties.ReservedConcurrentExecutions).toBe(21);
  expect(resource(reserved, 'AWS::Lambda::EventSourceMapping', 'InferMessages').properties.ScalingConfig).toEqual({
    MaximumConcurrency: 20,
  });
});

test('preprocess packs fewer pictures into a message the slower the model is, and wakes nothing', async () => {
  // Small weights but 4,096 tokens: 47 GFLOP, 0.92 s a picture.
  await using slow = await tinyCheckpoint({ n_layer: 40, n_embd: 32, size: 64 });
  const context = { model: slow.directory, modelId: 'slow-0123456789ab' };
  const of = imageGptTemplate({ ...context, compute: 'lambda' });

  for (const name of ['PreprocessHandler', 'BackfillHandler']) {
    expect(variablesOf(of, name).MAX_PICTURES_PER_MESSAGE).toBe('32');
    expect(variablesOf(template, name).MAX_PICTURES_PER_MESSAGE).toBe('100');
    expect(variablesOf(imageGptTemplate({ compute: 'cpu' }), name).MAX_PICTURES_PER_MESSAGE).toBe('100');
    expect(Object.keys(variablesOf(of, name)).filter((variable) => variable.startsWith('ECS_'))).toEqual([]);
  }
});

function variablesOf(of: typeof template, name: string): Properties {
  return resource(of, 'AWS::Lambda::Function', name).properties.Environment.Variables;
}

/** The environment as the process sees it: references become example values. */
function plain(variables: Record<string, unknown>): Record<string, string> {
  const example = (name: string): string => {
    if (name.endsWith('_BUCKET')) return name.toLowerCase().replace('_', '-');
    if (name.endsWith('_URL')) return 'https://sqs.eu-central-1.amazonaws.com/123456789012/a-queue';
    return name.endsWith('_ARN') ? 'arn:aws:sns:eu-central-1:123456789012:a-topic' : 'a-name';
  };
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, typeof value === 'string' ? value : example(name)]),
  );
}
