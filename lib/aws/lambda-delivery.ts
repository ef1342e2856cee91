import { z } from 'zod';
import type { QueueMessage } from '../ports/queue.ts';

/** Event of Lambda's event source mapping. Source: AWS Lambda Developer Guide, "Using Lambda with SQS". */
const sqsEvent = z.object({
  Records: z.array(
    z.object({
      messageId: z.string(),
      receiptHandle: z.string(),
      eventSourceARN: z.string(),
      body: z.string(),
      attributes: z.object({
        ApproximateReceiveCount: z.coerce.number().int().min(1),
        SentTimestamp: z.coerce.number(),
      }),
    }),
  ),
});

export type SqsEvent = z.input<typeof sqsEvent>;

/** The messages that must be retried; Lambda deletes the others. Needs ReportBatchItemFailures in the mapping. */
export interface SqsBatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/** The messages of one event, all from one queue. */
export interface LambdaDelivery {
  /** By message id, as the response names them. */
  messages: Map<string, QueueMessage>;
  /** URL of the queue. */
  queueUrl: string;
}

/** Parses an event. `siblingUrl` is the URL of any queue in the same account and region. */
export function deliveryOf(event: unknown, options: { maxReceiveCount: number; siblingUrl: string }): LambdaDelivery {
  const { maxReceiveCount, siblingUrl } = options;
  const { Records: records } = sqsEvent.parse(event);
  const messages = new Map(
    records.map(({ messageId, receiptHandle, body, attributes }) => {
      const { ApproximateReceiveCount: receiveCount, SentTimestamp: sent } = attributes;
      const lastReceive = receiveCount >= maxReceiveCount;
      return [messageId, { body, receipt: receiptHandle, receiveCount, lastReceive, sentAt: new Date(sent) }];
    }),
  );
  const name = records[0]?.eventSourceARN.split(':').at(-1) ?? '';
  return { messages, queueUrl: new URL(name, siblingUrl).href };
}
