import { GetQueueAttributesCommand, type QueueAttributeName, type SQSClient } from '@aws-sdk/client-sqs';
import { commandError } from './command-error.ts';
import { queueNameOf } from './stack-queues.ts';

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
