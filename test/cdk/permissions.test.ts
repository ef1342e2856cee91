import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

const root = join(import.meta.dirname, '../..');
const template = imageGptTemplate();

/** `action` → the resources that it is allowed on, as readable text. */
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

/** `StorageInput.Arn/*`: logical ids without their hashes. */
function readable(value: Properties): string {
  if (typeof value === 'string') return value;
  const [[name, argument] = []] = Object.entries<Properties>(value);
  if (name === 'Ref') return argument.replace(/[0-9A-F]{8}$/, '');
  if (name === 'Fn::GetAtt') return `${argument[0].replace(/[0-9A-F]{8}$/, '')}.${argument[1]}`;
  return argument[1].map(readable).join(argument[0]);
}

/** Every model that was deployed. */
const model = 'StorageOutput.Arn/models/*';
const outcomes = ['StorageOutput.Arn/results-long/*', 'StorageOutput.Arn/results/*'];

test.each([
  ['PreprocessRole', 'QueuesUploads', 'PreprocessLog'],
  ['BackfillRole', 'QueuesBackfill', 'BackfillLog'],
])('%s may do these calls on these resources and no other', (role, queue, log) => {
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

test('the worker may do these calls on these resources and no other', () => {
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
};

test.each([
  // Lambda itself writes the log, and asks the queue how it is set up.
  [
    'PreprocessRole',
    'functions/preprocess/handler.ts',
    ['logs:CreateLogStream', 'logs:PutLogEvents', 'sqs:GetQueueAttributes'],
  ],
  ['WorkerTaskRole', 'functions/worker/main.ts', []],
])('%s allows every call that its code has, and none that it has not', async (role, entry, others) => {
  const calls = [...new Set(await commandsOf(entry))];

  expect(calls.filter((call) => actions[call] === undefined)).toEqual([]);
  expect(Object.keys(allowed(role)).toSorted()).toEqual(
    [...new Set([...calls.map((call) => actions[call]), ...others])].toSorted(),
  );
});

/** The SDK's commands in the source files that `entry` imports, however far away. */
async function commandsOf(entry: string): Promise<string[]> {
  const options = { bundle: true, platform: 'node', format: 'esm', packages: 'external', write: false } as const;
  const { metafile } = await build({ ...options, entryPoints: [entry], metafile: true, absWorkingDir: root });
  return Object.keys(metafile.inputs).flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/new (\w+)Command\(/g)].map(([, name = '']) => name),
  );
}

test('the cost brake may stop and start what it must, and nothing else', () => {
  const targets = 'arn:AWS::Partition:application-autoscaling:AWS::Region:AWS::AccountId:scalable-target/*';

  for (const role of ['CostBrakeHoldRole', 'CostBrakeReleaseRole']) {
    const may = allowed(role);
    expect(Object.keys(may).toSorted()).toEqual([
      'application-autoscaling:RegisterScalableTarget',
      // Application Auto Scaling lets nobody change a target who could not change the service.
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

test('a key of the user’s own opens pictures, and only for reading', () => {
  const inputKmsKey = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const withKey = imageGptTemplate({ inputBucket: 'my-pictures', inputKmsKey });

  for (const role of ['PreprocessRole', 'WorkerTaskRole']) {
    expect(allowed(role, withKey)['kms:Decrypt']).toEqual([inputKmsKey]);
  }
  expect(allowed('WorkerTaskRole')['kms:Decrypt']).toBeUndefined();
});

test('an existing bucket is opened by its own name', () => {
  const existing = imageGptTemplate({ inputBucket: 'my-pictures' });

  expect(allowed('WorkerTaskRole', existing)['s3:GetObject']).toContain('arn:AWS::Partition:s3:::my-pictures/*');
});

test('while another model comes, processes of the last one may still start', () => {
  const [first, second] = ['hf16-0123456789ab', 'hf16-ba9876543210'].map((modelId) => imageGptTemplate({ modelId }));
  const role = (template = imageGptTemplate()) => resource(template, 'AWS::IAM::Policy', 'WorkerTaskRoleDefaultPolicy');

  expect(role(first)).toEqual(role(second));
});

test('a model in S3 is read under its prefix only, and not written', () => {
  const ready = imageGptTemplate({ model: 's3://models/igpt/s', modelId: 'igpt-s-0123456789ab' });

  expect(allowed('WorkerTaskRole', ready)['s3:GetObject']).toContain('arn:AWS::Partition:s3:::models/igpt/s/*');
  ready.resourceCountIs('Custom::CDKBucketDeployment', 0);
  ready.hasOutput('ModelLocation', { Value: 's3://models/igpt/s' });
});
