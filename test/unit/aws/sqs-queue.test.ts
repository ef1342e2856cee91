import { createHash } from 'node:crypto';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AwsError } from '../../../lib/aws/aws-error.ts';
import { createSqsQueue } from '../../../lib/aws/sqs-queue.ts';
import { TransientError } from '../../../lib/ports/error.ts';
import type { Queue } from '../../../lib/ports/queue.ts';
import { json, jsonError, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';

let aws: ScriptedAws;
let client: SQSClient;
let queue: Queue;

beforeEach(async () => {
  aws = await startScriptedAws();
  client = new SQSClient(aws.config);
  const url = `${aws.config.endpoint}/123456789012/tokens`;
  queue = createSqsQueue({ client, url, maxReceiveCount: 5, visibilityMs: 60_000 });
});

afterEach(async () => {
  client.destroy();
  await aws[Symbol.asyncDispose]();
});

interface SentEntry {
  Id: string;
  MessageBody: string;
  ReceiptHandle: string;
  VisibilityTimeout: number;
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const entries = (request: number): SentEntry[] => JSON.parse(aws.requests[request]?.body ?? '').Entries;

/** SQS's response when it accepts every entry. */
const takes = (bodies: string[]) =>
  json({ Successful: bodies.map((body, i) => ({ Id: String(i), MessageId: String(i), MD5OfMessageBody: md5(body) })) });

describe('sending', () => {
  it('sends ten messages per request', async () => {
    const bodies = Array.from({ length: 23 }, (_, i) => `body ${i}`);
    aws.answer(takes(bodies.slice(0, 10)), takes(bodies.slice(10, 20)), takes(bodies.slice(20)));
    await queue.send(bodies);
    expect([0, 1, 2].flatMap((i) => entries(i).map(({ MessageBody }) => MessageBody))).toEqual(bodies);
    expect(aws.requests).toHaveLength(3);
  });

  it('sends at most 1 MiB of UTF-8 per request', async () => {
    // 300,000 characters of two bytes each: two such messages do not fit into one request.
    const bodies = ['é'.repeat(300_000), 'é'.repeat(300_000), 'a'];
    aws.answer(takes(bodies.slice(0, 1)), takes(bodies.slice(1)));
    await queue.send(bodies);
    expect([entries(0).length, entries(1).length]).toEqual([1, 2]);
  });

  it('names the messages that SQS refused', async () => {
    aws.answer(
      json({
        Successful: [{ Id: '0', MessageId: 'm', MD5OfMessageBody: md5('a') }],
        Failed: [{ Id: '1', Code: 'InternalError', SenderFault: false }],
      }),
    );
    const error = await queue.send(['a', 'b']).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TransientError);
    expect(String(error)).toContain('refused 1 (1: InternalError)');
  });

  it('fails with a transient error when throttled, a permanent one when the queue is missing', async () => {
    aws.answer(jsonError(400, 'RequestThrottled'), jsonError(400, 'AWS.SimpleQueueService.NonExistentQueue'));
    await expect(queue.send(['a'])).rejects.toThrow(TransientError);
    await expect(queue.send(['a'])).rejects.toThrow(AwsError);
  });

  it('sends no request for an empty list', async () => {
    await queue.send([]);
    await queue.delete([]);
    await queue.changeVisibility([], 0);
    expect(aws.requests).toEqual([]);
  });
});

describe('receiving', () => {
  const message = (receiveCount: number) => ({
    MessageId: 'm',
    ReceiptHandle: `receipt ${receiveCount}`,
    Body: 'body',
    MD5OfBody: md5('body'),
    Attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: '1700000000000' },
  });

  it('marks the last receive by the redrive policy', async () => {
    aws.answer(json({ Messages: [message(1), message(5)] }));
    const about = { body: 'body', sentAt: new Date(1_700_000_000_000) };
    expect(await queue.receive({ maxMessages: 25, waitMs: 30_000 })).toEqual([
      { ...about, receipt: 'receipt 1', receiveCount: 1, lastReceive: false },
      { ...about, receipt: 'receipt 5', receiveCount: 5, lastReceive: true },
    ]);
    expect(JSON.parse(aws.requests[0]?.body ?? '')).toMatchObject({
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 20,
      VisibilityTimeout: 60,
    });
  });

  it('returns no messages when the wait is over', async () => {
    aws.answer(json({}));
    expect(await queue.receive({ maxMessages: 1, waitMs: 0 })).toEqual([]);
  });

  it('ends the wait when the signal aborts', async () => {
    const stop = new AbortController();
    aws.answer(() => stop.abort());
    expect(await queue.receive({ maxMessages: 1, waitMs: 20_000, signal: stop.signal })).toEqual([]);
    expect(await queue.receive({ maxMessages: 1, waitMs: 20_000, signal: stop.signal })).toEqual([]);
    expect(aws.requests).toHaveLength(1);
  });

  it('fails with a transient error when the connection is reset', async () => {
    aws.answer((response) => void response.destroy());
    await expect(queue.receive({ maxMessages: 1, waitMs: 0 })).rejects.toThrow(TransientError);
  });
});

describe('receipts', () => {
  const receipts = Array.from({ length: 12 }, (_, i) => `receipt ${i}`);

  it('deletes ten messages per request', async () => {
    aws.answer(json({}), json({}));
    await queue.delete(receipts);
    expect([0, 1].flatMap((i) => entries(i).map(({ ReceiptHandle }) => ReceiptHandle))).toEqual(receipts);
  });

  it('hides messages for whole seconds, twelve hours at most, and releases them with 0', async () => {
    aws.answer(json({}), json({}), json({}));
    await queue.changeVisibility(['r'], 1500);
    await queue.changeVisibility(['r'], 1e9);
    await queue.changeVisibility(['r'], 0);
    expect([0, 1, 2].map((i) => entries(i)[0]?.VisibilityTimeout)).toEqual([2, 43_200, 0]);
  });

  it('fails with a transient error for entries that failed, and ignores expired receipts', async () => {
    const failed = (SenderFault: boolean) => json({ Failed: [{ Id: '0', Code: 'Code', SenderFault }] });
    aws.answer(failed(false), failed(false), failed(true), failed(true));
    await expect(queue.delete(['r'])).rejects.toThrow(TransientError);
    await expect(queue.changeVisibility(['r'], 0)).rejects.toThrow(TransientError);
    await queue.delete(['r']);
    await queue.changeVisibility(['r'], 0);
  });
});
