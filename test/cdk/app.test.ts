import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sparseCheckpoint } from '../support/sparse-checkpoint.ts';

const root = join(import.meta.dirname, '../..');
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cdk-app-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs the app as the cdk command does, with context and output folder in the environment. */
function runApp(context: Record<string, unknown>, variables: Record<string, string> = {}) {
  const env = { ...process.env, ...variables, CDK_OUTDIR: directory, CDK_CONTEXT_JSON: JSON.stringify(context) };
  return spawnSync(process.execPath, ['cdk/app.ts'], { cwd: root, env, encoding: 'utf8' });
}

const noBundling = { 'aws:cdk:bundling-stacks': [] };

test('invalid settings end the app with a line for each, and no stack trace', () => {
  const { status, stderr, stdout } = runApp({ ...noBundling, compute: 'tpu', modles: 'x' });

  expect(status).toBe(1);
  expect(stderr.trim().split('\n')).toEqual([
    'The deployment’s configuration has 2 faults:',
    '  compute: expected gpu, cpu or lambda; received "tpu"',
    expect.stringMatching(/^ {2}modles: expected one of stackName, account, region, compute, model,/),
  ]);
  expect(stdout).toBe('');
});

test('without account, Docker and settings it writes one stack', () => {
  const { status } = runApp({ ...noBundling, stackName: 'Mine' });

  expect(status).toBe(0);
  expect(readdirSync(directory)).toContain('Mine.template.json');
});

/** Resources of the stack, and the warnings that the cdk command prints. */
function written(stack: string) {
  const read = (name: string) => JSON.parse(readFileSync(join(directory, name), 'utf8'));
  const { Resources: resources } = read(`${stack}.template.json`);
  const own: Record<string, { type: string; data: unknown }[]> = read(`${stack}.metadata.json`);
  const zones = Object.values<{ Type: string }>(resources).filter(({ Type }) => Type === 'AWS::EC2::Subnet').length;
  const notes = Object.values(own).flat();
  return {
    zones,
    resources: JSON.stringify(resources),
    warnings: notes.filter(({ type }) => type === 'aws:cdk:warning').map(({ data }) => String(data)),
  };
}

test('with account and region it uses every availability zone, and no instance type that the region lacks', () => {
  const zones = {
    'availability-zones:account=123456789012:region=eu-west-1': ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'],
  };
  const there = { account: '123456789012', region: 'eu-west-1', alarmEmail: 'ops@example.com' };
  const { status, stderr } = runApp({ ...noBundling, ...zones, ...there, stackName: 'There' });

  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(written('There')).toMatchObject({
    zones: 3,
    warnings: [],
    resources: expect.not.stringContaining('g6.xlarge'),
  });
});

test('without them it uses two zones, knows the region of the credentials, and warns that nobody receives the alarms', () => {
  const { status } = runApp({ ...noBundling, stackName: 'Here' }, { CDK_DEFAULT_REGION: 'eu-west-1' });
  const { zones, resources, warnings } = written('Here');

  expect({ status, zones }).toEqual({ status: 0, zones: 2 });
  expect(resources).not.toContain('g6.xlarge');
  expect(warnings).toEqual([expect.stringContaining('nobody receives the alarms')]);
});

test('a model that no function can run ends the app with the reason, before anything is built or uploaded', () => {
  const model = join(directory, 'igpt-l');
  sparseCheckpoint(model, 'L');
  const { status, stderr } = runApp({ compute: 'lambda', inferMemory: 10_240, model, stackName: 'TooLarge' });

  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(
      /^The deployment’s configuration has 1 fault:\n {2}compute=lambda: expected weights of up to 2048 MB/,
    ),
  });
});

test('a model on S3 that cannot be read is refused with compute=lambda, because its size is unknown', () => {
  const model = { model: 's3://models/igpt-s', modelId: 'igpt-s-0123456789ab' };
  const offline = {
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_REGION: 'eu-west-1',
  };
  const { status, stderr } = runApp({ ...noBundling, ...model, compute: 'lambda' }, offline);

  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringContaining('model: Expected to list "s3://models/igpt-s/"'),
  });
});
