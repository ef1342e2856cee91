import { expect, test } from 'vitest';
import { preprocessEnvironment, workerEnvironment } from '../../lib/contracts/environment.ts';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

const template = imageGptTemplate();

test.each(['PreprocessHandler', 'BackfillHandler'])('%s runs on Node 24 and ARM, for at most 3 minutes', (name) => {
  expect(resource(template, 'AWS::Lambda::Function', name).properties).toMatchObject({
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    Handler: 'index.handler',
    Timeout: 180,
    MemorySize: 3008,
  });
});

test('the architecture is a choice', () => {
  const intel = imageGptTemplate({ architecture: 'x86_64' });

  expect(resource(intel, 'AWS::Lambda::Function', 'PreprocessHandler').properties.Architectures).toEqual(['x86_64']);
});

test.each([
  ['PreprocessMessages', 'QueuesUploads', 6],
  ['BackfillMessages', 'QueuesBackfill', 2],
])('%s delivers 100 at a time, after 10 s at most, and each may fail alone', (name, queue, MaximumConcurrency) => {
  expect(resource(template, 'AWS::Lambda::EventSourceMapping', name).properties).toMatchObject({
    BatchSize: 100,
    MaximumBatchingWindowInSeconds: 10,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency },
    EventSourceArn: { 'Fn::GetAtt': [resource(template, 'AWS::SQS::Queue', queue).id, 'Arn'] },
  });
});

test('each function deletes and releases messages in its own queue', () => {
  const url = (name: string) =>
    resource(template, 'AWS::Lambda::Function', name).properties.Environment.Variables.UPLOADS_QUEUE_URL;

  expect(url('PreprocessHandler')).toEqual({ Ref: resource(template, 'AWS::SQS::Queue', 'QueuesUploads').id });
  expect(url('BackfillHandler')).toEqual({ Ref: resource(template, 'AWS::SQS::Queue', 'QueuesBackfill').id });
});

test('the functions accept their environment', () => {
  for (const name of ['PreprocessHandler', 'BackfillHandler']) {
    const variables = plain(resource(template, 'AWS::Lambda::Function', name).properties.Environment.Variables);

    expect(preprocessEnvironment.safeParse(variables).error).toBeUndefined();
    expect(variables).toMatchObject({ DECODERS: '2', ECS_CLUSTER: 'a-name' });
  }
});

test.each(['gpu', 'cpu'])('the worker accepts its environment, on %s', (compute) => {
  const outputs = {
    outputs: 'features,likelihood',
    featureLayer: 3,
    featureNorm: 'raw',
    input: 'plain',
    precision: 'f16',
  };
  const { Environment: environment } = container(imageGptTemplate({ compute, ...outputs }));
  const variables = plain(Object.fromEntries(environment.map(({ Name, Value }: Properties) => [Name, Value])));
  const parsed = workerEnvironment.parse(variables);

  expect(parsed).toMatchObject({
    PROVIDER: compute === 'gpu' ? 'cuda' : 'cpu',
    OUTPUTS: ['features', 'likelihood'],
    FEATURE_LAYER: 3,
    FEATURE_NORM: 'raw',
    INPUT: 'plain',
    PRECISION: 'f16',
    MODEL_ID: 'hf16-0123456789ab',
    MODEL_CACHE: '/cache',
  });
  expect(parsed.DRAIN_SECONDS).toBeLessThan(container(template).StopTimeout);
});

test('preprocess and worker send metrics to the stack’s own namespace', () => {
  const { Environment: environment } = container(template);
  const { Variables: variables } = resource(template, 'AWS::Lambda::Function', 'PreprocessHandler').properties
    .Environment;

  expect(environment).toContainEqual({ Name: 'POWERTOOLS_METRICS_NAMESPACE', Value: 'ImageGpt/ImageGpt' });
  expect(variables.POWERTOOLS_METRICS_NAMESPACE).toBe('ImageGpt/ImageGpt');
});

test('logs are kept for logRetentionDays', () => {
  const short = imageGptTemplate({ logRetentionDays: '3' });
  const groups = Object.values(short.findResources('AWS::Logs::LogGroup'));

  expect(groups.length).toBeGreaterThan(3);
  for (const group of groups)
    expect(group).toMatchObject({ DeletionPolicy: 'Delete', Properties: { RetentionInDays: 3 } });
});

function container(of: typeof template): Properties {
  return resource(of, 'AWS::ECS::TaskDefinition').properties.ContainerDefinitions[0];
}

/** The environment as a process sees it: references become example values. */
function plain(variables: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, typeof value === 'string' ? value : example(name)]),
  );
}

function example(name: string): string {
  if (name.endsWith('_BUCKET')) return name.toLowerCase().replace('_', '-');
  if (name.endsWith('_URL')) return 'https://sqs.eu-central-1.amazonaws.com/123456789012/a-queue';
  if (name.endsWith('_ARN')) return 'arn:aws:sns:eu-central-1:123456789012:a-topic';
  if (name === 'MODEL_LOCATION') return 's3://a-bucket/a/prefix';
  return 'a-name';
}
