import { heartbeatsPerVisibility } from '../lib/contracts/delivery.ts';
import type { Flow } from '../lib/pipeline/consumer.ts';
import type { Queue, QueueMessage } from '../lib/ports/queue.ts';

export interface HeldMessages extends Disposable {
  /** The flow. A message that fails in it is no longer held, so that it keeps the delay of its retry. */
  flow: Flow;
}

export interface HoldOptions {
  queue: Queue;
  /** How long the messages stay hidden. It is extended three times in this time (milliseconds). */
  visibilityMs: number;
  flow: Flow;
  /** Receives an error of the queue. It only causes a later or an additional delivery. */
  onError(error: unknown): void;
}

/**
 * Holds the messages of a delivery as a worker does: they stay hidden for a short time, which is extended until the hold
 * is disposed of. So what a killed function held comes back after a minute, not after the queue's own 90.
 *
 * A function that cannot open its model must not do this: in minutes it would use up the receives of all messages.
 */
export async function holdMessages(
  messages: readonly QueueMessage[],
  { queue, visibilityMs, flow, onError }: HoldOptions,
): Promise<HeldMessages> {
  const held = new Set(messages.map(({ receipt }) => receipt));
  const hold = async (): Promise<void> => {
    if (held.size > 0) await queue.changeVisibility([...held], visibilityMs).catch(onError);
  };
  await hold();
  const holding = setInterval(hold, visibilityMs / heartbeatsPerVisibility);
  return {
    async flow(message, signal) {
      try {
        await flow(message, signal);
      } catch (error) {
        held.delete(message.receipt);
        throw error;
      }
    },
    [Symbol.dispose]: () => clearInterval(holding),
  };
}
