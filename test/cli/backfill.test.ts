import { once } from 'node:events';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createS3Client, createSqsClient } from '../../lib/aws/clients.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { type DeployedStack, readDeployedStack } from '../../lib/operate/deployed-stack.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import { clientConfig, deployIntoMoto } from '../support/deployed-in-moto.ts';
import { type Moto, motoMissing, startMoto } from '../support/moto.ts';
import { s3Error, startScriptedAws } from '../support/scripted-aws.ts';
import { finished, igpt, startIgpt } from './igpt-process.ts';

const missing = await motoMissing();

// The verb runs against the emulator: it finds the stack by name, lists its buckets and sends references to its queue.

describe.skipIf(missing !== undefined)(`igpt backfill on moto${missing === undefined ? '' : `: ${missing}`}`, () => {
  let moto: Moto;
  let stack: DeployedStack;
  let s3: S3Client;
  let sqs: SQSClient;

  beforeAll(async () => {
    moto = await startMoto();
    await deployIntoMoto(moto, 'ImageGpt', { modelId: 'tiny-0123456789ab' });
    for (const [name, value] of Object.entries(moto.environment)) vi.stubEnv(name, value);
    stack = await readDeployedStack(new CloudFormationClient(clientConfig(moto)), 'ImageGpt');
    [s3, sqs] = [createS3Client(), createSqsClient()];
    // Outcomes must be newer than their pictures, and S3 counts whole seconds.
    const keys = Array.from({ length: 50 }, (_, i) => `cats/${String(i).padStart(2, '0')}.jpg`);
    const etags = new Map<string, string>();
    await eachOf([...keys, 'dogs/a ü+%.jpg', 'dogs/b.jpg', 'dogs/c.jpg'], async (Key) => {
      const { ETag = '' } = await s3.send(new PutObjectCommand({ Bucket: stack.outputs.inputBucket, Key, Body: Key }));
      etags.set(Key, ETag);
    });
    await nextSecond(stack.outputs.inputBucket, 'dogs/c.jpg');
    await eachOf([...keys, 'dogs/b.jpg', 'gone.jpg'], (key) => putOutcome(key, etags.get(key) ?? '"gone"'));
    await putOutcome('dogs/c.jpg', '"another version"');
    // Synthesis, the emulator's start and a hundred writes take long on a busy machine.
  }, 180_000);
  afterAll(async () => {
    for (const client of [s3, sqs]) client?.destroy();
    vi.unstubAllEnvs();
    await moto?.[Symbol.asyncDispose]();
  });
  afterEach(async () => void (await sent()));

  /** Resolves when the emulator dates a new object later than this one: it counts in seconds. */
  async function nextSecond(Bucket: string, Key: string): Promise<void> {
    const modified = async (): Promise<number> =>
      (await s3.send(new HeadObjectCommand({ Bucket, Key }))).LastModified?.getTime() ?? 0;
    const before = await modified();
    const clock = { Bucket: stack.outputs.outputBucket, Key: 'clock' };
    const now = async (): Promise<number> => {
      await s3.send(new PutObjectCommand({ ...clock, Body: '' }));
      return (await s3.send(new HeadObjectCommand(clock))).LastModified?.getTime() ?? 0;
    };
    while ((await now()) <= before);
    await s3.send(new DeleteObjectCommand(clock));
  }

  async function putOutcome(key: string, etag: string): Promise<void> {
    const about = { schema_version: 1, status: 'failed', key, etag, model: stack.outputs.modelId };
    const outcome = {
      ...about,
      created_at: '2026-01-01T00:00:00.000Z',
      error: { code: 'corrupt_image', message: 'no' },
    };
    const Key = outcomeKey(stack.outputs.modelId, key);
    await s3.send(new PutObjectCommand({ Bucket: stack.outputs.outputBucket, Key, Body: JSON.stringify(outcome) }));
  }

  const backfill = (...args: string[]) => igpt(['backfill', '--json', ...args], { env: moto.environment });

  /** Empties the backfill queue. Returns the keys of its references. */
  async function sent(): Promise<string[]> {
    const queue = createSqsQueue({ client: sqs, url: stack.outputs.backfillQueueUrl, maxReceiveCount: 5 });
    const messages = await queue.receive({ maxMessages: 10, waitMs: 0 });
    await queue.delete(messages.map(({ receipt }) => receipt));
    return messages.map(({ body }) => JSON.parse(body).key).sort();
  }

  test('sends pictures without an outcome, and prints the counts', async () => {
    const { code, stdout } = await backfill();

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      stack: 'ImageGpt',
      region: 'us-east-1',
      model: 'tiny-0123456789ab',
      prefix: '',
      dry_run: false,
      seen: 53,
      current: 52,
      missing: 1,
      stale: 0,
      sent: 1,
      orphans: 0,
      interrupted: false,
    });
    expect(await sent()).toEqual(['dogs/a ü+%.jpg']);
  });

  test('reads outcomes with --verify, below the prefix only', async () => {
    const { stdout } = await backfill('--verify', '--prefix', 'dogs/');

    expect(JSON.parse(stdout)).toMatchObject({ seen: 3, current: 1, failed: 1, missing: 1, stale: 1, sent: 2 });
    expect(await sent()).toEqual(['dogs/a ü+%.jpg', 'dogs/c.jpg']);
  });

  test('a dry run prints a table of what would be sent and deleted', async () => {
    const args = ['backfill', '--dry-run', '--retry-failed', '--prune', '--prefix', 'dogs/'];
    const { code, stdout } = await igpt(args, { env: moto.environment });

    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toMatch(
      /seen +current +missing +stale +damaged +failed before +to send +to delete +time/,
    );
    expect(stdout.split('\n')[1]).toMatch(/^ *3 +0 +1 +1 +0 +1 +3 +0 +0:0\d$/);
    expect(await sent()).toEqual([]);
  });

  test('pauses while too many wait; an interrupt says how to resume', async () => {
    await igpt(['backfill', '--retry-failed', '--prefix', 'dogs/'], { env: moto.environment });
    const child = startIgpt(['backfill', '--max-waiting', '2'], { env: moto.environment });
    const ended = finished(child);
    for (let words = ''; !words.includes('pausing'); ) words += (await once(child.stderr, 'data'))[0];
    child.kill('SIGINT');
    const { code, stderr } = await ended;

    expect(stderr).toContain('3 pictures wait in the queues, more than 2 (--max-waiting): pausing until fewer wait');
    expect(stderr).toMatch(/Stopped before the end\. To resume: .*backfill --max-waiting 2/);
    expect(code).toBe(130);
  });

  test('deletes the outcomes of deleted pictures', async () => {
    const first = await backfill('--prune');
    const second = await backfill('--prune');

    expect(JSON.parse(first.stdout)).toMatchObject({ orphans: 1, pruned: 1 });
    expect(JSON.parse(second.stdout)).toMatchObject({ orphans: 0, pruned: 0 });
  });

  test('a missing stack is one line', async () => {
    const { code, stderr, stdout } = await backfill('--stack', 'Nope');

    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'igpt: there is no stack Nope in us-east-1; Image GPT stacks there: ImageGpt; give one with --stack, or another --region\n',
    );
  });
});

test('a bucket without permission is one line, without a retry', async () => {
  await using aws = await startScriptedAws();
  const outputs = Object.values(stackOutputs).map(
    (output) => `<member><OutputKey>${output}</OutputKey><OutputValue>${output.toLowerCase()}</OutputValue></member>`,
  );
  const described = `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>ImageGpt</StackName>
    <StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/ImageGpt/1</StackId><StackStatus>CREATE_COMPLETE</StackStatus>
    <Outputs>${outputs.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
  aws.answer(
    { status: 200, headers: { 'content-type': 'text/xml' }, body: described },
    s3Error(403, 'AccessDenied'),
    s3Error(403, 'AccessDenied'),
  );
  const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' };
  const { code, stderr } = await igpt(['backfill'], { env: { ...keys, AWS_ENDPOINT_URL: aws.config.endpoint } });

  expect(stderr).toMatch(
    /\nigpt: could not compare the buckets of the stack ImageGpt: these credentials lack the permission \(scripted\); see Permissions in docs\/aws-operate\.md\n$/,
  );
  expect(code).toBe(1);
});

test('--force alone is a wrong command line', async () => {
  const { code, stderr } = await igpt(['backfill', '--force']);

  expect(stderr).toContain('--force goes with --prune');
  expect(code).toBe(2);
});

/** Does the work for sixteen keys at a time. */
async function eachOf(keys: readonly string[], work: (key: string) => Promise<void>): Promise<void> {
  const left = keys.values();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (const key of left) await work(key);
    }),
  );
}
