import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, type SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AwsError } from '../../lib/aws/aws-error.ts';
import { createS3Client, createSnsClient, createSqsClient } from '../../lib/aws/clients.ts';
import { fetchModel } from '../../lib/aws/fetch-model.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { createSnsEventSink } from '../../lib/aws/sns-event-sink.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import { type Moto, motoMissing, startMoto } from '../support/moto.ts';

const missing = await motoMissing();

// A hanging test would take the slow suite's own timeout, ten minutes.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe.skipIf(missing !== undefined)(`the AWS adapters on moto${missing === undefined ? '' : `: ${missing}`}`, () => {
  let moto: Moto;
  let s3: S3Client;
  let sqs: SQSClient;
  let sns: SNSClient;

  beforeAll(async () => {
    moto = await startMoto();
    Object.assign(process.env, moto.environment);
    [s3, sqs, sns] = [createS3Client(), createSqsClient(), createSnsClient()];
  });

  afterAll(async () => {
    for (const client of [s3, sqs, sns]) client?.destroy();
    await moto?.[Symbol.asyncDispose]();
  });

  const bytes = (text: string) => new TextEncoder().encode(text);

  async function bucket(name: string): Promise<ObjectStore> {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
    return createS3Store({ client: s3, bucket: name, clock });
  }

  async function queue(name: string, attributes: Record<string, string> = {}): Promise<string> {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    return QueueUrl;
  }

  async function arn(url: string): Promise<string> {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] });
    return (await sqs.send(command)).Attributes?.QueueArn ?? '';
  }

  const listed = async (store: ObjectStore, options?: Parameters<ObjectStore['list']>[0]): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { key } of store.list(options)) keys.push(key);
    return keys;
  };

  it('lists keys of every shape in UTF-8 order, after a key and under a prefix', async () => {
    const store = await bucket('listing');
    const keys = ['a', 'a b+c%20.jpg', 'a!', 'a.b', 'é/ü.png', '\ufb01', '\u{1f408}', 'über/\u{1f408}.jpg', 'x&<>"\'y'];
    for (const key of keys) await store.put(key, bytes(key));
    const sorted = keys.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
    // U+FB01 comes before U+1F408 in UTF-8; JavaScript's order (UTF-16) is the reverse.
    expect(sorted.indexOf('\ufb01')).toBeLessThan(sorted.indexOf('\u{1f408}'));
    expect(await listed(store)).toEqual(sorted);
    expect(await listed(store, { startAfter: 'a.b' })).toEqual(sorted.slice(sorted.indexOf('a.b') + 1));
    expect(await listed(store, { prefix: 'a' })).toEqual(['a', 'a b+c%20.jpg', 'a!', 'a.b']);
    for (const key of keys) expect(await store.get(key)).toMatchObject({ status: 'found', body: bytes(key) });
  });

  it('lists more than one page', async () => {
    const store = await bucket('pages');
    const keys = Array.from({ length: 1005 }, (_, i) => String(i).padStart(4, '0'));
    for (let i = 0; i < keys.length; i += 100) {
      await Promise.all(keys.slice(i, i + 100).map((key) => store.put(key, bytes(key))));
    }
    expect(await listed(store)).toEqual(keys);
  });

  it('honours the conditions of writes, reads and deletions', async () => {
    const store = await bucket('conditions');
    const first = await store.put('k', bytes('1'), { ifNoneMatch: '*' });
    expect(first.status).toBe('stored');
    const etag = first.status === 'stored' ? first.etag : '';
    expect(etag).toMatch(/^".*"$/);
    expect(await store.put('k', bytes('2'), { ifNoneMatch: '*' })).toEqual({ status: 'precondition_failed' });
    expect(await store.put('k', bytes('2'), { ifMatch: '"0123"' })).toEqual({ status: 'precondition_failed' });
    const second = await store.put('k', bytes('2'), { ifMatch: etag });
    expect(second.status).toBe('stored');
    expect(await store.get('k', { ifMatch: etag })).toEqual({ status: 'etag_mismatch' });
    expect(await store.get('k', { ifMatch: second.status === 'stored' ? second.etag : '' })).toMatchObject({
      status: 'found',
      body: bytes('2'),
    });
    expect((await store.head('k'))?.etag).toBe(second.status === 'stored' ? second.etag : '');
    expect(await store.get('k', { maxBytes: 0 })).toMatchObject({ status: 'too_large', object: { size: 1 } });
    await store.delete('k', { ifMatch: etag });
    expect((await store.head('k'))?.size).toBe(1);
    await store.delete('k', { ifMatch: second.status === 'stored' ? second.etag : '' });
    await store.delete('k');
    expect(await store.get('k')).toEqual({ status: 'not_found' });
    expect(await store.head('k')).toBeUndefined();
    expect(await store.put('k', bytes('3'), { ifMatch: etag })).toEqual({ status: 'precondition_failed' });
  });

  it('downloads a checkpoint once: all of it, or only the files that preprocess needs', async () => {
    const local = join(import.meta.dirname, '../../lib/models/igpt-nano');
    const models = await bucket('models');
    for (const file of await readdir(local))
      await models.put(`mine/igpt-nano/${file}`, await readFile(join(local, file)));
    await models.put('mine/igpt-nano/other/config.json', bytes('{}'));
    const cache = await mkdtemp(join(tmpdir(), 'igpt-cache-'));
    try {
      const options = { client: s3, clock, cache, location: 's3://models/mine/igpt-nano/' };
      const whole = await fetchModel({ ...options, weights: true });
      expect(basename(whole)).toBe('igpt-nano');
      expect((await readdir(whole)).toSorted()).toEqual([
        'config.json',
        'model.safetensors',
        'preprocessor_config.json',
      ]);
      const weights = 'model.safetensors';
      expect((await readFile(join(whole, weights))).equals(await readFile(join(local, weights)))).toBe(true);
      expect(await fetchModel({ ...options, weights: true })).toBe(whole);
      const small = await fetchModel({ ...options, weights: false });
      expect((await readdir(small)).toSorted()).toEqual(['config.json', 'preprocessor_config.json']);
      await expect(fetchModel({ ...options, location: 's3://models/nothing', weights: true })).rejects.toThrow(
        AwsError,
      );
      expect(await fetchModel({ ...options, location: local, weights: true })).toBe(local);
    } finally {
      await rm(cache, { recursive: true });
    }
  });

  it('sends, receives, releases and deletes messages, and dead-letters one that fails its last receive', async () => {
    const dead = await queue('dead');
    const redrive = JSON.stringify({ deadLetterTargetArn: await arn(dead), maxReceiveCount: 2 });
    const url = await queue('work', { RedrivePolicy: redrive });
    const work = createSqsQueue({ client: sqs, url, maxReceiveCount: 2, visibilityMs: 60_000 });
    const bodies = Array.from({ length: 12 }, (_, i) => `message ${i} é \u{1f408}`);
    await work.send(bodies);

    const received = new Map<string, string>();
    while (received.size < 12) {
      for (const { body, receipt, receiveCount, lastReceive, sentAt } of await work.receive({
        maxMessages: 10,
        waitMs: 1000,
      })) {
        received.set(body, receipt);
        expect([receiveCount, lastReceive]).toEqual([1, false]);
        expect(Math.abs(sentAt.getTime() - Date.now())).toBeLessThan(60_000);
      }
    }
    expect([...received.keys()].toSorted()).toEqual(bodies.toSorted());
    const [poison = '', ...others] = received.values();
    await work.delete(others);
    await work.changeVisibility([poison], 0);
    const [again] = await work.receive({ maxMessages: 10, waitMs: 1000 });
    expect(again).toMatchObject({ receiveCount: 2, lastReceive: true });
    await work.changeVisibility([again?.receipt ?? ''], 0);
    expect(await work.receive({ maxMessages: 10, waitMs: 0 })).toEqual([]);
    const letters = createSqsQueue({ client: sqs, url: dead, maxReceiveCount: 2 });
    expect(await letters.receive({ maxMessages: 10, waitMs: 1000 })).toHaveLength(1);
  });

  it('publishes events that subscribers can filter by status', async () => {
    const { TopicArn: topicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'results' }));
    const url = await queue('failures-only');
    await sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: await arn(url),
        Attributes: { FilterPolicy: JSON.stringify({ status: ['failed'] }), RawMessageDelivery: 'true' },
      }),
    );
    const about = { type: 'result', etag: '"e"', model: 'nano-1', result_key: 'r' } as const;
    await createSnsEventSink({ client: sns, topicArn }).publish([
      { ...about, key: 'good', status: 'succeeded', label: 'cat', probability: 1 },
      { ...about, key: 'bad \uffff', status: 'failed', error: { code: 'corrupt_image', message: 'm' } },
    ]);
    const messages = await createSqsQueue({ client: sqs, url, maxReceiveCount: 5 }).receive({
      maxMessages: 10,
      waitMs: 1000,
    });
    expect(messages.map(({ body }) => JSON.parse(body).key)).toEqual(['bad \uffff']);
  });
});
