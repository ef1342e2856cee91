import { GetQueueAttributesCommand, type QueueAttributeName, type SQSClient } from '@aws-sdk/client-sqs';
import type { StackOutputs } from '../contracts/stack-outputs.ts';
import { commandError } from './operator-error.ts';

/** What SQS says of a queue: approximate, and a minute late now and then. */
export interface QueueCounts {
  /** Messages that can be received. */
  waiting: number;
  /** Messages that somebody has and has not acknowledged yet. */
  inFlight: number;
}

const countNames: QueueAttributeName[] = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'];

export async function readQueueCounts(client: SQSClient, url: string): Promise<QueueCounts> {
  try {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: countNames });
    const { Attributes: attributes = {} } = await client.send(command);
    const count = (name: QueueAttributeName): number => Number(attributes[name] ?? 0);
    return {
      waiting: count('ApproximateNumberOfMessages'),
      inFlight: count('ApproximateNumberOfMessagesNotVisible'),
    };
  } catch (error) {
    throw commandError(`look at the queue ${queueNameOf(url)}`, error);
  }
}

/** The queues of a stack in the order of a picture's way, then where their failures end. */
export const queueNames = ['uploads', 'backfill', 'tokens', 'result-events'] as const;
export const deadLetterNames = ['uploads', 'tokens', 'result-events'] as const;

export type QueueName = (typeof queueNames)[number];
/** Uploads and backfill share their dead letters. */
export type DeadLetterName = (typeof deadLetterNames)[number];

export function queueUrl(outputs: StackOutputs, name: QueueName): string {
  const urls: Record<QueueName, string> = {
    uploads: outputs.uploadsQueueUrl,
    backfill: outputs.backfillQueueUrl,
    tokens: outputs.tokensQueueUrl,
    'result-events': outputs.resultEventsQueueUrl,
  };
  return urls[name];
}

export function deadLettersUrl(outputs: StackOutputs, name: DeadLetterName): string {
  const urls: Record<DeadLetterName, string> = {
    uploads: outputs.uploadsDeadLettersUrl,
    tokens: outputs.tokensDeadLettersUrl,
    'result-events': outputs.resultEventsDeadLettersUrl,
  };
  return urls[name];
}

/** Last part of the URL: the name by which CloudWatch and ARNs know the queue. */
export function queueNameOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
