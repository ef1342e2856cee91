import type { StackOutputs } from './deployed-stack.ts';

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
