import { GetQueueAttributesCommand, type QueueAttributeName, type SQSClient } from '@aws-sdk/client-sqs';
import { commandError } from './command-error.ts';
import { queueNameOf } from './stack-queues.ts';

/** Number of messages in a queue. SQS calls it approximate; it may be a minute old. */
export interface QueueCounts {
  /** Messages that can be received. */
  waiting: number;
  /** Messages that a consumer has received, but not deleted yet. */
  inFlight: number;
}

const countNames: QueueAttributeName[] = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'];

/** @throws {CommandError} */
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
    throw commandError(`read the queue ${queueNameOf(url)}`, error);
  }
}
