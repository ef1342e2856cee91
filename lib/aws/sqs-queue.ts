import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { utf8Length } from '../contracts/key-order.ts';
import { maxChunkMessages, maxMessageBytes } from '../contracts/limits.ts';
import { TransientError } from '../ports/error.ts';
import type { Queue, QueueMessage } from '../ports/queue.ts';
import { AwsError, awsError } from './aws-error.ts';
import { chunks } from './chunks.ts';

export interface SqsQueueOptions {
  client: SQSClient;
  url: string;
  /** The redrive policy's maxReceiveCount. The receive with this number is the last. */
  maxReceiveCount: number;
  /** How long a received message stays hidden (milliseconds; default: the queue's own setting). */
  visibilityMs?: number | undefined;
}

/** Longest wait of one receive (seconds). Source: Amazon SQS Developer Guide, "Short and long polling". */
const maxWaitSeconds = 20;

/** Longest time that a message can be hidden (seconds). Source: Amazon SQS Developer Guide, "Visibility timeout". */
const maxVisibilitySeconds = 43_200;

/** Why one entry of a request failed. */
interface EntryError {
  Id: string | undefined;
  Code: string | undefined;
  SenderFault: boolean | undefined;
}

/** A queue on SQS. It is never full, so `send` never waits for space. */
export function createSqsQueue({ client, url, maxReceiveCount, visibilityMs }: SqsQueueOptions): Queue {
  return {
    async send(bodies) {
      const limits = { maxItems: maxChunkMessages, maxBytes: maxMessageBytes };
      for (const chunk of chunks(bodies, utf8Length, limits)) {
        const answer = await client
          .send(
            new SendMessageBatchCommand({ QueueUrl: url, Entries: numbered(chunk, (body) => ({ MessageBody: body })) }),
          )
          .catch((error: unknown) => {
            throw awsError(`send ${chunk.length} messages`, error);
          });
        const failed = answer.Failed ?? [];
        if (failed.length > 0) throw sendError(chunk.length, failed);
      }
    },

    async receive({ maxMessages, waitMs, signal }) {
      if (signal?.aborted) return [];
      try {
        const { Messages: messages = [] } = await client.send(
          new ReceiveMessageCommand({
            QueueUrl: url,
            MaxNumberOfMessages: Math.min(Math.max(maxMessages, 1), maxChunkMessages),
            WaitTimeSeconds: Math.min(Math.ceil(waitMs / 1000), maxWaitSeconds),
            MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
            VisibilityTimeout: visibilityMs === undefined ? undefined : seconds(visibilityMs),
          }),
          // A message in transit at the abort is redelivered when its visibility timeout ends.
          { ...(signal && { abortSignal: signal }) },
        );
        return messages.map(queueMessage);
      } catch (error) {
        if (signal?.aborted) return [];
        throw error instanceof AwsError ? error : awsError('receive messages', error);
      }
    },

    async delete(receipts) {
      for (const chunk of chunks(receipts, () => 0, { maxItems: maxChunkMessages })) {
        const entries = numbered(chunk, (receipt) => ({ ReceiptHandle: receipt }));
        const answer = await client
          .send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries: entries }))
          .catch((error: unknown) => {
            throw awsError(`delete ${chunk.length} messages`, error);
          });
        throwIfFailed('delete', chunk.length, answer.Failed);
      }
    },

    async changeVisibility(receipts, visibilityMs) {
      for (const chunk of chunks(receipts, () => 0, { maxItems: maxChunkMessages })) {
        const entries = numbered(chunk, (receipt) => ({
          ReceiptHandle: receipt,
          VisibilityTimeout: seconds(visibilityMs),
        }));
        const answer = await client
          .send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries: entries }))
          .catch((error: unknown) => {
            throw awsError(`change the visibility of ${chunk.length} messages`, error);
          });
        throwIfFailed('change the visibility of', chunk.length, answer.Failed);
      }
    },
  };

  function queueMessage({ Body: body, ReceiptHandle: receipt, Attributes: attributes }: Message): QueueMessage {
    const receiveCount = Number(attributes?.ApproximateReceiveCount);
    const sent = Number(attributes?.SentTimestamp);
    if (body === undefined || receipt === undefined || !(receiveCount >= 1) || !(sent >= 0)) {
      throw new AwsError(
        'aws_refused',
        'Expected a message with body, receipt, receive count and time, but some of them are missing.',
      );
    }
    return { body, receipt, receiveCount, lastReceive: receiveCount >= maxReceiveCount, sentAt: new Date(sent) };
  }
}

function numbered<T, E extends object>(items: readonly T[], entry: (item: T) => E): (E & { Id: string })[] {
  return items.map((item, i) => ({ Id: String(i), ...entry(item) }));
}

function seconds(ms: number): number {
  return Math.min(Math.ceil(ms / 1000), maxVisibilitySeconds);
}

function sendError(sent: number, failed: readonly EntryError[]): TransientError {
  const which = failed.map(({ Id, Code }) => `${Id}: ${Code}`).join(', ');
  return new TransientError(
    'messages_refused',
    `Expected SQS to accept ${sent} messages, but it refused ${failed.length} (${which}).`,
  );
}

/**
 * Throws if entries of a request failed. Ignores expired receipts, which SQS reports as the sender's fault: they belong to
 * an earlier delivery, so nothing is left to do.
 */
function throwIfFailed(action: string, count: number, failures: readonly EntryError[] = []): void {
  const failed = failures.filter(({ SenderFault }) => !SenderFault);
  if (failed.length === 0) return;
  const which = failed.map(({ Id, Code }) => `${Id}: ${Code}`).join(', ');
  throw new TransientError(
    'receipts_refused',
    `Expected to ${action} ${count} messages, but ${failed.length} failed (${which}).`,
  );
}
