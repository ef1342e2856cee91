import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { defaultInstanceTypesIn } from '../../lib/contracts/instances.ts';
import { pythonEnvironment } from '../support/python.ts';
import { imageGptTemplate } from './synthesize.ts';

const run = promisify(execFile);
const environment = await pythonEnvironment('requirements-cfn-lint.txt');
const missing = 'missing' in environment ? environment.missing : '';

/** Ten regions, of each continent that has any. */
const regions = [
  ...['us-east-1', 'us-west-2', 'ca-central-1', 'sa-east-1'],
  ...['eu-central-1', 'eu-west-1', 'eu-north-1'],
  ...['ap-northeast-1', 'ap-southeast-2', 'ap-south-1'],
];

/** Regions whose stacks have the same GPU instance types. */
const groups = Object.values(Object.groupBy(regions, (region) => defaultInstanceTypesIn(region).join())).filter(
  (group) => group !== undefined,
);

describe.skipIf(missing !== '')(`cfn-lint${missing === '' ? '' : ` (${missing})`}`, () => {
  test.each([
    ['on GPU instances', { alarmEmail: 'ops@example.com' }],
    ['on Fargate', { compute: 'cpu' }],
    ['on Lambda', { compute: 'lambda', inferReserved: 'true' }],
    ['with existing buckets', { inputBucket: 'my-pictures', outputBucket: 'my-outcomes' }],
    ['with an image from CodeBuild', { imageBuild: 'codebuild' }],
    ['with queues for jobs, on GPU instances', { batch: 'true', training: 'true' }],
    ['with a queue for data-set jobs, on Fargate', { batch: 'true', compute: 'cpu' }],
    ['with queues for jobs, on Lambda', { batch: 'true', training: 'true', compute: 'lambda' }],
  ])('finds no error and no warning in ten regions, %s', async (_, context) => {
    for (const group of groups) {
      const instanceTypes = defaultInstanceTypesIn(group[0]);
      expect(await lint(imageGptTemplate({ instanceTypes, ...context }).toJSON(), group)).toBe('');
    }
  });

  test('would find an instance type that a region lacks', async () => {
    const template = imageGptTemplate({ instanceTypes: ['g6.xlarge'] }).toJSON();

    expect(await lint(template, ['eu-west-1'])).toContain('E3628');
  });

  test('would find a property that does not exist', async () => {
    const queue = { Type: 'AWS::SQS::Queue', Properties: { Retention: 7 } };

    expect(await lint({ Resources: { Queue: queue } })).toContain('E3002');
  });
});

// Not the installed script: it names the folder that the environment had before it was renamed.
const main = 'import sys; from cfnlint.runner import main; sys.exit(main())';

/** Output of cfn-lint for a template. Its exit code has a bit for each kind of finding. */
async function lint(template: object, within: readonly string[] = regions): Promise<string> {
  const { python } = environment as { python: string };
  const directory = await mkdtemp(join(tmpdir(), 'cfn-lint-'));
  const file = join(directory, 'template.json');
  await writeFile(file, JSON.stringify(template));
  // W3005: CDK also writes dependencies that a reference implies.
  const options = ['--regions', ...within, '--ignore-checks', 'W3005', '--format', 'parseable'];
  try {
    return (await run(python, ['-c', main, ...options, '--', file])).stdout.trim();
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && error.stdout !== '') return String(error.stdout).trim();
    throw error;
  } finally {
    await rm(directory, { recursive: true });
  }
}
