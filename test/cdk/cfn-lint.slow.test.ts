import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { pythonEnvironment } from '../support/python.ts';
import { imageGptTemplate } from './synthesize.ts';

const run = promisify(execFile);
const environment = await pythonEnvironment('requirements-cfn-lint.txt');
const missing = 'missing' in environment ? environment.missing : '';

describe.skipIf(missing !== '')(`cfn-lint${missing === '' ? '' : ` (${missing})`}`, () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cfn-lint-'));
    return () => rm(directory, { recursive: true });
  });

  test.each([
    ['on GPU instances', { alarmEmail: 'ops@example.com' }],
    ['on Fargate', { compute: 'cpu' }],
    ['on Lambda', { compute: 'lambda', inferReserved: 'true' }],
    ['with existing buckets', { inputBucket: 'my-pictures', outputBucket: 'my-outcomes' }],
    ['with an image from CodeBuild', { imageBuild: 'codebuild' }],
    ['with queues for jobs, on GPU instances', { batch: 'true', training: 'true' }],
    ['with a queue for data-set jobs, on Fargate', { batch: 'true', compute: 'cpu' }],
    ['with queues for jobs, on Lambda', { batch: 'true', training: 'true', compute: 'lambda' }],
  ])('finds no error and no warning, %s', async (_, context) => {
    const file = join(directory, 'template.json');
    await writeFile(file, JSON.stringify(imageGptTemplate(context).toJSON()));

    expect(await lint(file)).toBe('');
  });

  test('would find a property that does not exist', async () => {
    const file = join(directory, 'bad.json');
    const queue = { Type: 'AWS::SQS::Queue', Properties: { Retention: 7 } };
    await writeFile(file, JSON.stringify({ Resources: { Queue: queue } }));

    expect(await lint(file)).toContain('E3002');
  });
});

// Not the installed script: it names the folder that the environment had before it was renamed.
const main = 'import sys; from cfnlint.runner import main; sys.exit(main())';

/** Output of cfn-lint. Its exit code has a bit for each kind of finding. */
async function lint(file: string): Promise<string> {
  const { python } = environment as { python: string };
  // W3005: CDK also writes dependencies that a reference implies.
  const options = ['--regions', 'us-east-1', 'eu-central-1', '--ignore-checks', 'W3005', '--format', 'parseable'];
  const { stdout } = await run(python, ['-c', main, ...options, '--', file]).catch((error: unknown) => {
    if (error instanceof Error && 'stdout' in error && String(error.stdout) !== '')
      return { stdout: String(error.stdout) };
    throw error;
  });
  return stdout.trim();
}
