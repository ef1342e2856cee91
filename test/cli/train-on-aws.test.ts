import { describe, expect, test } from 'vitest';
import { type Answer, type ScriptedAws, startScriptedAws } from '../support/scripted-aws.ts';
import { igpt } from './igpt-process.ts';
import { scriptedStack as stack } from './scripted-stack.ts';

const submitted: Answer = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ jobArn: 'arn', jobId: 'job-1', jobName: 'any' }),
};

const train = (aws: ScriptedAws, ...args: string[]) =>
  igpt(['train', '--objective', 'joint', '--on-aws', '--stack', 'Mine', ...args], {
    env: {
      AWS_ENDPOINT_URL: aws.config.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
  });

const data = ['--data', 's3://the-InputBucket/labelled'];

describe('igpt train --on-aws', () => {
  test('submits the same training to the queue of the stack, and says where its model will lie', async () => {
    await using aws = await startScriptedAws();
    aws.answer(stack(), submitted);
    const { code, stdout, stderr } = await train(
      aws,
      ...data,
      '--out',
      'first',
      '--no-augment',
      '--lr',
      '1e-3',
      '--new-head',
      '--json',
    );

    expect(code, stderr).toBe(0);
    const out = 's3://the-OutputBucket/training/first';
    expect(JSON.parse(stdout)).toEqual({ job: 'job-1', name: 'igpt-train-first', out });
    const { url, body } = aws.requests[1]!;
    expect(url).toBe('/v1/submitjob');
    const { jobQueue, jobDefinition, containerOverrides } = JSON.parse(body);
    expect({ jobQueue, jobDefinition }).toEqual({ jobQueue: 'the-TrainingQueue', jobDefinition: 'the-TrainingJob' });
    const environment = Object.fromEntries(
      containerOverrides.environment.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    expect(environment).toMatchObject({ TRAIN_OUT: out, TRAIN_MODEL: 'igpt-nano' });
    const passed = [
      '--objective',
      'joint',
      '--data',
      's3://the-InputBucket/labelled',
      '--lr',
      '0.001',
      '--new-head',
      '--no-augment',
    ];
    const { TRAIN_ARGUMENTS: told } = environment;
    expect(JSON.parse(told).toSorted()).toEqual(passed.toSorted());
  });

  test('fails when the stack takes no trainings', async () => {
    await using aws = await startScriptedAws();
    aws.answer(stack('TrainingQueue', 'TrainingJob'));
    const { code, stderr } = await train(aws, ...data, '--out', 'first');
    expect(stderr).toContain('stack Mine takes no trainings; deploy it with npx cdk deploy -c training=true');
    expect(code).toBe(2);
  });

  test.each([
    [
      'files of this machine',
      ['--tokens', 'x.npy', '--out', 'a'],
      '--tokens, --labels and --mask are files of this machine',
    ],
    ['a folder of this machine', ['--data', 'pictures', '--out', 'a'], '--on-aws needs --data s3://bucket/prefix'],
    [
      'a model of this machine',
      [...data, '--model', 'mine', '--out', 'a'],
      'aws s3 cp --recursive mine s3://OUTPUT_BUCKET/models/NAME/',
    ],
    ['beginning anew', [...data, '--out', 'a', '--force'], 'choose another --out to start again'],
  ])('refuses %s before it asks AWS', async (_, args, message) => {
    await using aws = await startScriptedAws();
    const { code, stderr } = await train(aws, ...args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(aws.requests).toEqual([]);
  });

  test('refuses a place that the job may not write', async () => {
    await using aws = await startScriptedAws();
    aws.answer(stack());
    const { code, stderr } = await train(aws, ...data, '--out', 's3://other/place');
    expect(stderr).toContain('expected a name, or a place below s3://the-OutputBucket/training/');
    expect(code).toBe(2);
  });
});
