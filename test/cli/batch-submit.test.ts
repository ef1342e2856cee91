import { describe, expect, test } from 'vitest';
import { type ScriptedAws, startScriptedAws } from '../support/scripted-aws.ts';
import { igpt } from './igpt-process.ts';
import { scriptedStack as stack } from './scripted-stack.ts';

const batch = (aws: ScriptedAws, ...args: string[]) =>
  igpt(['batch', ...args, '--stack', 'Mine'], {
    env: {
      AWS_ENDPOINT_URL: aws.config.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
  });

const pictures = 's3://the-InputBucket/2026';

describe('igpt batch submit, status and cancel', () => {
  test.each([
    ['submit', [pictures, '--out', 'first']],
    ['status', ['first']],
    ['cancel', ['first']],
  ])('%s fails when the stack takes no jobs', async (verb, args) => {
    await using aws = await startScriptedAws();
    aws.answer(stack('BatchQueue', 'BatchJob'));
    const { code, stderr } = await batch(aws, verb, ...args);
    expect(stderr).toContain('stack Mine takes no jobs; deploy it with npx cdk deploy -c batch=true');
    expect(code).toBe(2);
  });

  test('pictures on this machine are refused before any request to AWS', async () => {
    await using aws = await startScriptedAws();
    const { code, stderr } = await batch(aws, 'submit', 'test/fixtures/pictures', '--out', 'first');
    expect(stderr).toContain('a file that lists pictures in S3');
    expect(stderr).toContain('for a directory, use igpt batch run');
    expect(code).toBe(2);
    expect(aws.requests).toEqual([]);
  });

  test.each([
    ['a bucket that jobs may not read', 's3://other/2026', 'first', 'expected pictures in s3://the-InputBucket'],
    ['a place that jobs may not write', pictures, 's3://other/place', 'a place below s3://the-OutputBucket/batch/'],
  ])('%s is refused', async (_, source, out, words) => {
    await using aws = await startScriptedAws();
    aws.answer(stack());
    const { code, stderr } = await batch(aws, 'submit', source, '--out', out);
    expect(stderr).toContain(words);
    expect(code).toBe(2);
    expect(aws.requests).toHaveLength(1);
  });
});
