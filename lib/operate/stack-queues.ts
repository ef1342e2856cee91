import { deliveryMessages } from '../contracts/delivery.ts';
import { maxPicturesPerMessage } from '../contracts/limits.ts';
import type { StackOutputs } from '../contracts/stack-outputs.ts';

/** Queues of a stack, in the order in which a picture passes them. */
export const queueNames = ['uploads', 'backfill', 'tokens', 'result-events'] as const;

/** Queues that have a dead-letter queue. Uploads and backfill share one. */
export const deadLetterNames = ['uploads', 'tokens', 'result-events'] as const;

export type QueueName = (typeof queueNames)[number];
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

/** URL of the dead-letter queue that belongs to a queue. */
export function deadLettersUrl(outputs: StackOutputs, name: DeadLetterName): string {
  const urls: Record<DeadLetterName, string> = {
    uploads: outputs.uploadsDeadLettersUrl,
    tokens: outputs.tokensDeadLettersUrl,
    'result-events': outputs.resultEventsDeadLettersUrl,
  };
  return urls[name];
}

/** Most pictures in a tokens message. With `compute=lambda`, preprocess sends one for each of its small deliveries. */
export function mostPicturesPerMessage({ inferFunction }: StackOutputs): number {
  return inferFunction === undefined ? maxPicturesPerMessage : deliveryMessages;
}

/** Last part of a queue's URL: its name in CloudWatch and in ARNs. */
export function queueNameOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
