import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CreateTopicCommand, type SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createSnsClient, createSqsClient } from '../../lib/aws/clients.ts';
import { createSnsEventSink } from '../../lib/aws/sns-event-sink.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import type { PipelineEvent, ResultEvent } from '../../lib/contracts/event.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { type Moto, motoAccount, motoMissing, motoRegion, startMoto } from '../support/moto.ts';
import { pythonEnvironment } from '../support/python.ts';

const folder = 'test/fixtures/consumers';
const missing = await motoMissing();

const about = { type: 'result', etag: '"1"', model: 'tiny-0123456789ab' } as const;
const cat: ResultEvent = {
  ...about,
  key: 'a ü.jpg',
  result_key: 'results/tiny-0123456789ab/a ü.jpg.json',
  status: 'succeeded',
  label: 'cat',
  probability: 0.9,
};
const bad: ResultEvent = {
  ...about,
  key: 'b.jpg',
  result_key: 'results/tiny-0123456789ab/b.jpg.json',
  status: 'failed',
  error: { code: 'corrupt_image', message: 'no' },
};

const jobDone: PipelineEvent = {
  type: 'batch',
  job: '0123456789abcdef',
  model: about.model,
  place: 's3://outcomes/batch/a',
  shards: 1,
  pictures: 1,
  succeeded: 1,
  failed: 0,
  failures: {},
};

test.each([
  ['README.md', 'ts', 'consume.ts'],
  ['docs/aws-deploy.md', 'python', 'consume.py'],
])('%s shows the %s consumer that is tested here', (document, language, file) => {
  const text = readFileSync(join(repositoryRoot, document), 'utf8');
  expect(text).toContain(`\`\`\`${language}\n${readFileSync(join(repositoryRoot, folder, file), 'utf8')}\`\`\`\n`);
});

describe.skipIf(missing !== undefined)(`consumers on moto${missing === undefined ? '' : `: ${missing}`}`, () => {
  let moto: Moto;
  let sns: SNSClient;
  let sqs: SQSClient;
  let topicArn: string;

  beforeAll(async () => {
    moto = await startMoto();
    for (const [name, value] of Object.entries(moto.environment)) vi.stubEnv(name, value);
    [sns, sqs] = [createSnsClient(), createSqsClient()];
    topicArn = (await sns.send(new CreateTopicCommand({ Name: 'results' }))).TopicArn ?? '';
  });
  afterAll(async () => {
    for (const client of [sns, sqs]) client?.destroy();
    vi.unstubAllEnvs();
    await moto?.[Symbol.asyncDispose]();
  });

  /** Subscribes a new queue to the topic with a filter policy; returns its URL. */
  async function subscribed(policy?: string): Promise<string> {
    const name = `queue-${randomUUID()}`;
    const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
    await sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: `arn:aws:sqs:${motoRegion}:${motoAccount}:${name}`,
        Attributes: { RawMessageDelivery: 'true', ...(policy !== undefined && { FilterPolicy: policy }) },
      }),
    );
    return url;
  }

  const publish = (...events: PipelineEvent[]) => createSnsEventSink({ client: sns, topicArn }).publish(events);

  async function waiting(url: string): Promise<number> {
    const { Attributes: counts = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
    );
    return Number(counts.ApproximateNumberOfMessages) + Number(counts.ApproximateNumberOfMessagesNotVisible);
  }

  async function consumer(file: string, url: string): Promise<ChildProcess> {
    const found = await pythonEnvironment('requirements-aws.txt');
    const python = 'python' in found ? found.python : 'python3';
    const env = {
      ...moto.environment,
      AWS_DEFAULT_REGION: motoRegion,
      RESULT_EVENTS_QUEUE_URL: url,
    };
    return spawn(file.endsWith('.py') ? python : process.execPath, [file], { cwd: join(repositoryRoot, folder), env });
  }

  test.each(['consume.ts', 'consume.py'])('%s prints finished pictures, and deletes all messages', async (file) => {
    const url = await subscribed();
    await publish(cat, jobDone, bad);
    const child = await consumer(file, url);
    const lines: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    if (child.stdout !== null) {
      createInterface(child.stdout).on('line', (line) => lines.push(line) === 2 && resolve());
    }
    await promise;
    // The consumer deletes the last message after it has printed its line.
    await vi.waitUntil(async () => (await waiting(url)) === 0, { timeout: 30_000 });
    child.kill();

    expect(lines.sort()).toEqual(['a ü.jpg cat', 'b.jpg corrupt_image']);
  });

  test.each([
    ['{"status": ["failed"]}', [bad]],
    ['{"label": ["cat", "dog"]}', [cat]],
    ['{"label": [{"exists": false}], "status": [{"exists": true}]}', [bad]],
    ['{"model": [{"prefix": "tiny-"}], "status": ["succeeded"]}', [cat]],
    ['{"model": ["another"]}', []],
    ['{"type": ["batch"]}', [jobDone]],
  ])('the filter policy %s of docs/aws-deploy.md selects the right events', async (policy, expected) => {
    const url = await subscribed(policy);
    await publish(cat, bad, jobDone);
    const queue = createSqsQueue({ client: sqs, url, maxReceiveCount: 5 });
    const messages = await queue.receive({ maxMessages: 10, waitMs: 0 });

    expect(messages.map(({ body }) => JSON.parse(body))).toEqual(expected);
    if (policy !== '{"model": ["another"]}')
      expect(readFileSync(join(repositoryRoot, 'docs/aws-deploy.md'), 'utf8')).toContain(policy);
  });
});
