import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { resourceName } from '../support/resource-name.ts';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

const root = join(import.meta.dirname, '../..');
const template = imageGptTemplate();
const limited = imageGptTemplate({ maxUsdPerDay: 5 });
const lambda = imageGptTemplate({ compute: 'lambda' });

/** Allowed resources by action, as readable text. */
function allowed(role: string, of: Template = template): Record<string, string[]> {
  const { PolicyDocument: document } = resource(of, 'AWS::IAM::Policy', `${role}DefaultPolicy`).properties;
  const found: Record<string, string[]> = {};
  for (const { Effect: effect, Action: actions, Resource: resources } of document.Statement) {
    expect(effect).toBe('Allow');
    for (const action of [actions].flat()) {
      found[action] = [...(found[action] ?? []), ...[resources].flat().map(readable)].toSorted();
    }
  }
  return found;
}

/** Logical ids without their hashes: `StorageInput.Arn/*`. */
function readable(value: Properties): string {
  if (typeof value === 'string') return value;
  const [[name, argument] = []] = Object.entries<Properties>(value);
  if (name === 'Ref') return resourceName(argument);
  if (name === 'Fn::GetAtt') return `${resourceName(argument[0])}.${argument[1]}`;
  return argument[1].map(readable).join(argument[0]);
}

/** Every model that was deployed. */
const model = 'StorageOutput.Arn/models/*';
const outcomes = ['StorageOutput.Arn/results-long/*', 'StorageOutput.Arn/results/*'];

test.each([
  ['PreprocessRole', 'QueuesUploads', 'PreprocessLog'],
  ['BackfillRole', 'QueuesBackfill', 'BackfillLog'],
])('%s allows these calls on these resources and no others', (role, queue, log) => {
  expect(allowed(role)).toEqual({
    's3:GetObject': ['StorageInput.Arn/*', model, ...outcomes],
    's3:ListBucket': ['StorageInput.Arn', 'StorageOutput.Arn', 'StorageOutput.Arn'],
    's3:PutObject': outcomes,
    's3:DeleteObject': outcomes,
    'sns:Publish': ['ResultsTopic'],
    'sqs:SendMessage': ['QueuesTokens.Arn'],
    'sqs:ReceiveMessage': [`${queue}.Arn`],
    'sqs:DeleteMessage': [`${queue}.Arn`],
    'sqs:ChangeMessageVisibility': [`${queue}.Arn`],
    'sqs:GetQueueAttributes': [`${queue}.Arn`],
    'ecs:DescribeServices': ['WorkerSpotService'],
    'ecs:UpdateService': ['WorkerSpotService'],
    'logs:CreateLogStream': [`${log}.Arn`],
    'logs:PutLogEvents': [`${log}.Arn`],
  });
});

test('the worker’s role allows these calls on these resources and no others', () => {
  expect(allowed('WorkerTaskRole')).toEqual({
    's3:GetObject': ['StorageInput.Arn/*', model, ...outcomes],
    's3:ListBucket': ['StorageInput.Arn', 'StorageOutput.Arn', 'StorageOutput.Arn'],
    's3:PutObject': outcomes,
    's3:DeleteObject': outcomes,
    'sns:Publish': ['ResultsTopic'],
    'sqs:ReceiveMessage': ['QueuesTokens.Arn'],
    'sqs:DeleteMessage': ['QueuesTokens.Arn'],
    'sqs:ChangeMessageVisibility': ['QueuesTokens.Arn'],
    'sqs:SendMessage': ['QueuesUploads.Arn'],
  });
});

test('the inference function’s role allows what the worker’s does, and what Lambda needs of it', () => {
  expect(allowed('InferRole', lambda)).toEqual({
    ...allowed('WorkerTaskRole'),
    'sqs:GetQueueAttributes': ['QueuesTokens.Arn'],
    'logs:CreateLogStream': ['InferLog.Arn'],
    'logs:PutLogEvents': ['InferLog.Arn'],
  });
});

test('with compute=lambda no role may touch ECS', () => {
  const policies = Object.values(lambda.findResources('AWS::IAM::Policy'));

  expect(policies.length).toBeGreaterThan(4);
  expect(JSON.stringify(policies)).not.toContain('"ecs:');
});

test('the rollout may run the worker’s own task in its cluster, and read and stop what is there', () => {
  const inCluster = (type: string) => `arn:AWS::Partition:ecs:AWS::Region:AWS::AccountId:${type}/WorkerCluster/*`;

  expect(allowed('WorkerRolloutRole')).toEqual({
    'ecs:RunTask': [
      expect.stringMatching(
        /^arn:AWS::Partition:ecs:AWS::Region:AWS::AccountId:task-definition\/ImageGptGpuWorkerTask\w+:\*$/,
      ),
    ],
    'iam:PassRole': ['WorkerTaskDefinitionExecutionRole.Arn', 'WorkerTaskRole.Arn'],
    'ecs:ListTasks': ['*'],
    'ecs:DescribeTasks': [inCluster('task')],
    'ecs:StopTask': [inCluster('task')],
    'ecs:DescribeServices': [inCluster('service')],
    'cloudformation:DescribeStacks': ['AWS::StackId'],
    'cloudformation:DescribeStackResource': ['AWS::StackId'],
    'logs:CreateLogStream': ['WorkerRolloutLog.Arn'],
    'logs:PutLogEvents': ['WorkerRolloutLog.Arn'],
  });
  const { Statement: statements } = resource(template, 'AWS::IAM::Policy', 'WorkerRolloutRoleDefaultPolicy').properties
    .PolicyDocument;
  const conditions = statements.flatMap(({ Action, Condition }: Properties) =>
    Condition ? [[Action, Condition]] : [],
  );
  const inOwnCluster = {
    ArnEquals: { 'ecs:cluster': { 'Fn::GetAtt': [expect.stringMatching(/^GpuWorkerCluster/), 'Arn'] } },
  };
  expect(conditions).toEqual([
    ['ecs:RunTask', inOwnCluster],
    ['iam:PassRole', { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } }],
    ['ecs:ListTasks', inOwnCluster],
  ]);
});

test('the function of the daily limit may read metrics, start the brake’s machines and send a mail, and nothing else', () => {
  const machines = ['CostBrakeHold', 'CostBrakeRelease'];

  expect(allowed('DailyLimitRole', limited)).toEqual({
    'cloudwatch:GetMetricStatistics': ['*'],
    'states:ListExecutions': machines,
    'states:StartExecution': machines,
    'sns:Publish': ['AlarmsTopic'],
    'logs:CreateLogStream': ['DailyLimitLog.Arn'],
    'logs:PutLogEvents': ['DailyLimitLog.Arn'],
  });
});

/** IAM's action for each call of the SDK. */
const actions: Record<string, string> = {
  ListObjectsV2: 's3:ListBucket',
  HeadObject: 's3:GetObject',
  GetObject: 's3:GetObject',
  PutObject: 's3:PutObject',
  DeleteObject: 's3:DeleteObject',
  PublishBatch: 'sns:Publish',
  SendMessageBatch: 'sqs:SendMessage',
  ReceiveMessage: 'sqs:ReceiveMessage',
  DeleteMessageBatch: 'sqs:DeleteMessage',
  ChangeMessageVisibilityBatch: 'sqs:ChangeMessageVisibility',
  DescribeServices: 'ecs:DescribeServices',
  UpdateService: 'ecs:UpdateService',
  RunTask: 'ecs:RunTask',
  ListTasks: 'ecs:ListTasks',
  DescribeTasks: 'ecs:DescribeTasks',
  StopTask: 'ecs:StopTask',
  DescribeStacks: 'cloudformation:DescribeStacks',
  DescribeStackResource: 'cloudformation:DescribeStackResource',
  GetMetricStatistics: 'cloudwatch:GetMetricStatistics',
  ListExecutions: 'states:ListExecutions',
  StartExecution: 'states:StartExecution',
  Publish: 'sns:Publish',
};

test.each([
  // Lambda itself writes the log and reads the queue's attributes.
  [
    'PreprocessRole',
    'functions/preprocess/handler.ts',
    ['logs:CreateLogStream', 'logs:PutLogEvents', 'sqs:GetQueueAttributes'],
  ],
  ['WorkerTaskRole', 'functions/worker/main.ts', []],
  ['InferRole', 'functions/infer/handler.ts', ['logs:CreateLogStream', 'logs:PutLogEvents', 'sqs:GetQueueAttributes']],
  // RunTask passes the roles.
  ['WorkerRolloutRole', 'functions/rollout/handler.ts', ['logs:CreateLogStream', 'logs:PutLogEvents', 'iam:PassRole']],
  ['DailyLimitRole', 'functions/limit/handler.ts', ['logs:CreateLogStream', 'logs:PutLogEvents']],
])('%s allows exactly the calls that its code makes', async (role, entry, others) => {
  const calls = [...new Set(await commandsOf(entry))];
  const of = role === 'InferRole' ? lambda : limited;

  expect(calls.filter((call) => actions[call] === undefined)).toEqual([]);
  expect(Object.keys(allowed(role, of)).toSorted()).toEqual(
    [...new Set([...calls.map((call) => actions[call]), ...others])].toSorted(),
  );
});

/** Commands of the SDK in the source files that `entry` imports, directly or not. */
async function commandsOf(entry: string): Promise<string[]> {
  const options = { bundle: true, platform: 'node', format: 'esm', packages: 'external', write: false } as const;
  const { metafile } = await build({ ...options, entryPoints: [entry], metafile: true, absWorkingDir: root });
  return Object.keys(metafile.inputs).flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/new (\w+)Command\(/g)].map(([, name = '']) => name),
  );
}

test('the cost brake may change scaling, services and mappings, and nothing else', () => {
  const targets = 'arn:AWS::Partition:application-autoscaling:AWS::Region:AWS::AccountId:scalable-target/*';

  for (const role of ['CostBrakeHoldRole', 'CostBrakeReleaseRole']) {
    const may = allowed(role);
    expect(Object.keys(may).toSorted()).toEqual([
      'application-autoscaling:RegisterScalableTarget',
      // Application Auto Scaling requires permission to change the service itself.
      'ecs:DescribeServices',
      'ecs:UpdateService',
      'lambda:updateEventSourceMapping',
    ]);
    expect(may['application-autoscaling:RegisterScalableTarget']).toEqual([targets]);
    for (const action of ['ecs:DescribeServices', 'ecs:UpdateService']) {
      expect([...new Set(may[action])]).toEqual(['WorkerOnDemandService', 'WorkerSpotService']);
    }
  }
});

test('a KMS key of the user may be used to read pictures only', () => {
  const inputKmsKey = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const withKey = imageGptTemplate({ inputBucket: 'my-pictures', inputKmsKey });

  for (const role of ['PreprocessRole', 'WorkerTaskRole']) {
    expect(allowed(role, withKey)['kms:Decrypt']).toEqual([inputKmsKey]);
  }
  expect(allowed('WorkerTaskRole')['kms:Decrypt']).toBeUndefined();
});

describe('the KMS key of an output bucket', () => {
  const outputKmsKey = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const settings = { batch: 'true', training: 'true' };
  const withKey = imageGptTemplate({ ...settings, outputBucket: 'my-outcomes', outputKmsKey });
  const roles = Object.keys(withKey.findResources('AWS::IAM::Policy')).map(resourceName);
  const writing = roles.filter((role) => /PutObject/.test(JSON.stringify(policy(withKey, role))));

  test('may be used by every role that writes there: processes, jobs and the deployment of the model', () => {
    expect(writing.map((role) => role.replace(/(Role|ServiceRole)?DefaultPolicy$/, '')).toSorted()).toEqual([
      'Backfill',
      'Batch',
      expect.stringMatching(/^CustomCDKBucketDeployment/),
      'Preprocess',
      'Training',
      'WorkerTask',
    ]);
  });

  test.each(writing)('may encrypt and decrypt under %s, and nothing else', (role) => {
    const keyActions = (of: Template) =>
      policy(of, role).PolicyDocument.Statement.filter(({ Action }: Properties) =>
        JSON.stringify(Action).includes('kms:'),
      );

    expect(keyActions(withKey)).toEqual([
      { Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: outputKmsKey },
    ]);
    expect(keyActions(imageGptTemplate(settings))).toEqual([]);
  });

  test('may be used by the inference function too', () => {
    const { 'kms:GenerateDataKey': generate, 'kms:Decrypt': decrypt } = allowed(
      'InferRole',
      imageGptTemplate({ compute: 'lambda', outputBucket: 'my-outcomes', outputKmsKey }),
    );

    expect([generate, decrypt]).toEqual([[outputKmsKey], [outputKmsKey]]);
  });

  test('is an output of the stack, for igpt doctor', () => {
    withKey.hasOutput('OutputKmsKey', { Value: outputKmsKey });
    expect(Object.keys(template.findOutputs('*'))).not.toContain('OutputKmsKey');
  });

  function policy(of: Template, name: string): Properties {
    return resource(of, 'AWS::IAM::Policy', name).properties;
  }
});

test('an existing bucket is allowed by its own name', () => {
  const existing = imageGptTemplate({ inputBucket: 'my-pictures' });

  expect(allowed('WorkerTaskRole', existing)['s3:GetObject']).toContain('arn:AWS::Partition:s3:::my-pictures/*');
});

test('during a deployment of another model, processes of the old one may still start', () => {
  const [first, second] = ['hf16-0123456789ab', 'hf16-ba9876543210'].map((modelId) => imageGptTemplate({ modelId }));
  const role = (template = imageGptTemplate()) => resource(template, 'AWS::IAM::Policy', 'WorkerTaskRoleDefaultPolicy');

  expect(role(first)).toEqual(role(second));
});

test('a model on S3 may be read under its prefix only, and is not copied', () => {
  const ready = imageGptTemplate({ model: 's3://models/igpt/s', modelId: 'igpt-s-0123456789ab' });

  expect(allowed('WorkerTaskRole', ready)['s3:GetObject']).toContain('arn:AWS::Partition:s3:::models/igpt/s/*');
  ready.resourceCountIs('Custom::CDKBucketDeployment', 0);
  ready.hasOutput('ModelLocation', { Value: 's3://models/igpt/s' });
});
