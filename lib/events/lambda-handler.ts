import { deliveryOf, type SqsBatchResponse, type SqsEvent } from '../aws/lambda-delivery.ts';
import { maxReceiveCount } from '../contracts/delivery.ts';
import { isolate } from '../pipeline/isolate-poison.ts';
import { type EventHandlers, eventFlow } from './handlers.ts';

/** From the second delivery on, an event may have ended the function: it is handled alone. */
const suspectFrom = 2;

/**
 * A handler for Lambda, whose mapping to the queue needs `reportBatchItemFailures`: events that fail come again, the others
 * are deleted.
 *
 * @param handlers and `onError`, which receives what failed (default: prints it on standard error)
 */
export function lambdaHandler({
  onError = (error) => console.error(error),
  ...handlers
}: EventHandlers & { onError?: ((error: unknown) => void) | undefined }): (
  event: SqsEvent,
) => Promise<SqsBatchResponse> {
  const flow = eventFlow(handlers);
  return async (event) => {
    const { messages } = deliveryOf(event, { maxReceiveCount, siblingUrl: 'https://sqs.amazonaws.com' });
    const failed = await isolate([...messages], {
      suspectFrom,
      receiveCountOf: ([, { receiveCount }]) => receiveCount,
      work: ([, message]) => flow(message),
    });
    for (const { error } of failed) onError(error);
    return { batchItemFailures: failed.map(({ item: [itemIdentifier] }) => ({ itemIdentifier })) };
  };
}
