import { describe, expect, it } from 'vitest';
import { deliveryOf } from '../../../lib/aws/lambda-delivery.ts';

const options = { maxReceiveCount: 5, siblingUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/uploads' };
const record = (receiveCount: string) => ({
  messageId: 'id',
  receiptHandle: 'receipt',
  body: 'body',
  eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:backfill',
  attributes: { ApproximateReceiveCount: receiveCount, SentTimestamp: '1700000000000' },
});

describe('an event of Lambda', () => {
  it('becomes messages with the URL of their queue', () => {
    const { messages, queueUrl } = deliveryOf({ Records: [record('1')] }, options);
    expect(queueUrl).toBe('https://sqs.eu-west-1.amazonaws.com/123456789012/backfill');
    expect([...messages]).toEqual([
      [
        'id',
        {
          body: 'body',
          receipt: 'receipt',
          receiveCount: 1,
          lastReceive: false,
          sentAt: new Date(1_700_000_000_000),
        },
      ],
    ]);
  });

  it('marks the last receive', () => {
    expect(deliveryOf({ Records: [record('5')] }, options).messages.get('id')?.lastReceive).toBe(true);
  });

  it('is refused when it is not from SQS', () => {
    expect(() => deliveryOf({ source: 'aws.events' }, options)).toThrow();
    expect(() => deliveryOf({ Records: [record('none')] }, options)).toThrow();
  });
});
