import type { Queue, QueueMessage } from '../ports/queue.ts';
import type { Flow } from './consumer.ts';
import { isolate } from './isolate-poison.ts';

export interface DeliveryOptions {
  /** The queue that the messages come from. */
  queue: Queue;
  flow: Flow;
  /** Handed to the flow: aborts what has not begun. */
  signal: AbortSignal;
  /** How long a failed message stays hidden, by its receive count (milliseconds). */
  retryDelayMs: (receiveCount: number) => number;
  /** Receives every failure: with the message if the flow failed, without if the queue did. */
  onError(error: unknown, message?: QueueMessage): void;
}

/**
 * The delivery from which a message is a suspect. A function has no other message at hand than those of its delivery,
 * so processing a redelivered message alone costs little.
 */
const suspectFrom = 2;

/**
 * Runs a flow over the messages of one delivery and returns those that failed. The caller deletes the others. A failed
 * message is released at once, hidden for its own delay.
 *
 * First deliveries run side by side. A redelivered message may have ended the process, so it runs alone, after all
 * messages that are done have been deleted. So poison affects no other message.
 */
export async function handleDelivery(
  messages: readonly QueueMessage[],
  options: DeliveryOptions,
): Promise<QueueMessage[]> {
  const { queue, flow, signal, retryDelayMs, onError } = options;
  const failed = await isolate(messages, {
    suspectFrom,
    receiveCountOf: ({ receiveCount }) => receiveCount,
    async work(message) {
      await runFlow(message);
      if (message.receiveCount >= suspectFrom) await acknowledge([message]);
    },
    beforeSuspects: acknowledge,
  });
  return failed.map(({ item }) => item);

  async function runFlow(message: QueueMessage): Promise<void> {
    try {
      await flow(message, signal);
    } catch (error) {
      if (!signal.aborted) onError(error, message);
      // At once: a later message of this delivery may end the process.
      await release(message);
      throw error;
    }
  }

  async function acknowledge(done: readonly QueueMessage[]): Promise<void> {
    if (done.length > 0) await tolerate(() => queue.delete(done.map(({ receipt }) => receipt)));
  }

  function release({ receipt, receiveCount }: QueueMessage): Promise<void> {
    return tolerate(() => queue.changeVisibility([receipt], signal.aborted ? 0 : retryDelayMs(receiveCount)));
  }

  /** A failure here only causes a later or an additional delivery. */
  async function tolerate(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      onError(error);
    }
  }
}
