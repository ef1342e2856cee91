import { deliveryOf, type SqsBatchResponse } from '../lib/aws/lambda-delivery.ts';
import { maxReceiveCount, retryDelayMs } from '../lib/contracts/delivery.ts';
import type { Flow } from '../lib/pipeline/consumer.ts';
import { handleDelivery } from '../lib/pipeline/handle-delivery.ts';
import type { QueueMessage } from '../lib/ports/queue.ts';
import { holdMessages } from './hold-messages.ts';
import type { DeployedPorts } from './open-ports.ts';

/** What Lambda tells a handler beside the event. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number;
}

export interface AnswerOptions {
  flow: Flow;
  queueAt: DeployedPorts['queueAt'];
  /** URL of any queue in the same account and region. */
  siblingUrl: string;
  /**
   * Time before Lambda's time limit in which nothing begins, of the `givenMs` that the delivery has in all (milliseconds).
   * Asked again while the delivery is processed.
   */
  reserveMs(givenMs: number): number;
  /**
   * How long messages stay hidden after the function was killed (milliseconds; default: the queue's own time since they
   * were received).
   */
  visibilityMs?: number | undefined;
  onError(error: unknown, message?: QueueMessage): void;
}

/** How often the remaining time is compared with the reserve (milliseconds). */
const checkMs = 250;

/**
 * Runs a flow over a delivery of Lambda's event source mapping. Returns the messages that must be retried; Lambda deletes
 * the others.
 */
export async function answerDelivery(
  event: unknown,
  context: LambdaContext,
  { flow, queueAt, siblingUrl, reserveMs, visibilityMs, onError }: AnswerOptions,
): Promise<SqsBatchResponse> {
  const { messages, queueUrl } = deliveryOf(event, { maxReceiveCount, siblingUrl });
  const queue = queueAt(queueUrl);
  using held =
    visibilityMs === undefined
      ? undefined
      : await holdMessages([...messages.values()], { queue, visibilityMs, flow, onError });
  const stop = new AbortController();
  const givenMs = context.getRemainingTimeInMillis();
  const check = (): void => {
    if (context.getRemainingTimeInMillis() <= reserveMs(givenMs)) stop.abort();
  };
  check();
  // Not AbortSignal.timeout: its timer would survive the invocation and run after the next thaw.
  const checking = setInterval(check, checkMs);
  try {
    const options = { queue, flow: held?.flow ?? flow, signal: stop.signal, retryDelayMs, onError };
    const failed = await handleDelivery([...messages.values()], options);
    const failures = [...messages].filter(([, message]) => failed.includes(message));
    return { batchItemFailures: failures.map(([itemIdentifier]) => ({ itemIdentifier })) };
  } finally {
    clearInterval(checking);
  }
}
