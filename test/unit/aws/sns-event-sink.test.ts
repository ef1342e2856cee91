import { SNSClient } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSnsEventSink } from '../../../lib/aws/sns-event-sink.ts';
import type { PipelineEvent, ResultEvent } from '../../../lib/contracts/event.ts';
import { TransientError } from '../../../lib/ports/error.ts';
import type { EventSink } from '../../../lib/ports/queue.ts';
import { type Answer, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';

let aws: ScriptedAws;
let client: SNSClient;
let sink: EventSink<PipelineEvent>;

beforeEach(async () => {
  aws = await startScriptedAws();
  client = new SNSClient(aws.config);
  sink = createSnsEventSink({ client, topicArn: 'arn:aws:sns:us-east-1:123456789012:results' });
});

afterEach(async () => {
  client.destroy();
  await aws[Symbol.asyncDispose]();
});

const answer = (result: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'text/xml' },
  body: `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult>${result}</PublishBatchResult></PublishBatchResponse>`,
});

const about = { type: 'result', key: 'a.jpg', etag: '"abc"', model: 'nano-1', result_key: 'r' } as const;
const succeeded: ResultEvent = { ...about, status: 'succeeded', label: 'cat', probability: 0.5 };
const failed: ResultEvent = { ...about, status: 'failed', error: { code: 'corrupt_image', message: 'm' } };

/** Attributes of each message in a request of the query protocol. */
function attributes(request: number): Record<string, string>[] {
  const form = new URLSearchParams(aws.requests[request]?.body);
  const found: Record<string, string>[] = [];
  for (const [name, value] of form) {
    const [, member, key] = /member\.(\d+)\.MessageAttributes\.entry\.(\d+)\.Name$/.exec(name) ?? [];
    if (member === undefined || key === undefined) continue;
    const text = form.get(name.replace(/Name$/, 'Value.StringValue')) ?? '';
    found[Number(member) - 1] = { ...found[Number(member) - 1], [value]: text };
  }
  return found;
}

describe('the topic', () => {
  it('receives status, model and label as attributes; a failure has no label', async () => {
    aws.answer(answer(''));
    await sink.publish([succeeded, failed, { ...succeeded, label: null, probability: null }]);
    expect(attributes(0)).toEqual([
      { status: 'succeeded', model: 'nano-1', label: 'cat' },
      { status: 'failed', model: 'nano-1' },
      { status: 'succeeded', model: 'nano-1' },
    ]);
  });

  it('receives no label that an attribute cannot hold', async () => {
    aws.answer(answer(''));
    await sink.publish(['', '\0', 'x'.repeat(300)].map((label) => ({ ...succeeded, label })));
    expect(attributes(0).map(({ label }) => label)).toEqual([undefined, undefined, undefined]);
  });

  it('receives ten events per request, fewer if they are long', async () => {
    aws.answer(answer(''), answer(''), answer(''), answer(''));
    await sink.publish(Array.from({ length: 11 }, () => succeeded));
    const long: ResultEvent = { ...failed, error: { code: 'internal_error', message: 'x'.repeat(150_000) } };
    await sink.publish([long, long]);
    expect(aws.requests).toHaveLength(4);
  });

  it('names the events that were refused', async () => {
    const part = '<member><Id>0</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member>';
    aws.answer(answer(`<Failed>${part}</Failed>`), { status: 503 });
    const error = await sink.publish([failed]).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TransientError);
    expect(String(error)).toContain('refused 1 (0: InternalError)');
    await expect(sink.publish([failed])).rejects.toThrow(TransientError);
  });
});
