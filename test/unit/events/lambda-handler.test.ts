import { expect, test } from 'vitest';
import { lambdaHandler } from '../../../lib/events/index.ts';

const record = (messageId: string, body: string, receiveCount = 1) => ({
  messageId,
  receiptHandle: `receipt of ${messageId}`,
  eventSourceARN: 'arn:aws:sqs:eu-central-1:123456789012:results',
  body,
  attributes: { ApproximateReceiveCount: receiveCount, SentTimestamp: 1 },
});
const result = (key: string) =>
  JSON.stringify({
    ...{ type: 'result', key, etag: '"1"', model: 'nano-1', result_key: `results/nano-1/${key}.json` },
    ...{ status: 'succeeded', label: 'cat', probability: 0.75 },
  });

test('only events that fail come again', async () => {
  const handled: string[] = [];
  const errors: unknown[] = [];
  const handler = lambdaHandler({
    onResult({ key }) {
      if (key === 'bad.jpg') throw new Error('full');
      handled.push(key);
    },
    onError: (error) => errors.push(error),
  });
  const Records = [
    record('1', result('a.jpg')),
    record('2', result('bad.jpg')),
    record('3', JSON.stringify({ type: 'later' })),
    record('4', 'no event'),
    record('5', result('b.jpg'), 2),
  ];

  expect(await handler({ Records })).toEqual({
    batchItemFailures: [{ itemIdentifier: '2' }, { itemIdentifier: '4' }],
  });
  expect(handled).toEqual(['a.jpg', 'b.jpg']);
  expect(errors).toHaveLength(2);
});

test('events that came before are handled one by one, after the others', async () => {
  const log: string[] = [];
  const handler = lambdaHandler({
    async onResult({ key }) {
      log.push(`begin ${key}`);
      await Promise.resolve();
      log.push(`end ${key}`);
    },
  });
  await handler({ Records: [record('1', result('a'), 2), record('2', result('b'), 2), record('3', result('c'))] });

  expect(log).toEqual(['begin c', 'end c', 'begin a', 'end a', 'begin b', 'end b']);
});
