import type { Queue, QueueMessage } from '../ports/queue.ts';
import type { Flow } from './consumer.ts';

export interface DeliveryOptions {
  /** Where the messages come from. */
  queue: Queue;
  flow: Flow;
  /** Gives up what has not begun. */
  signal: AbortSignal;
  /** How long a failed message stays hidden, by its receive count. Default 1 s, doubled each time. */
  retryDelayMs?: (receiveCount: number) => number;
  /** Told of every failure: of the flow with its message, of the queue itself without. */
  onError(error: unknown, message?: QueueMessage): void;
}

/**
 * Runs a flow over a batch that somebody else has received, and deletes by what is returned: the messages that must
 * come again. Those are released, each for a while of its own.
 *
 * Messages that come for the first time go at once. One that has come before may be what ended the process then: such
 * go singly, after everything that is done has been deleted, and forwards and backwards in turn. So poison takes none
 * of its neighbours with it.
 */
export async function handleDelivery(
  messages: readonly QueueMessage[],
  options: DeliveryOptions,
): Promise<QueueMessage[]> {
  const { queue, flow, signal, onError } = options;
  const { retryDelayMs = (count) => 1000 * 2 ** (count - 1) } = options;
  const first = messages.filter(({ receiveCount }) => receiveCount === 1);
  const again = messages.filter(({ receiveCount }) => receiveCount > 1);
  const failed = await run(first);
  if (again.length > 0) await acknowledge(first.filter((message) => !failed.includes(message)));
  const backwards = Math.max(...again.map(({ receiveCount }) => receiveCount)) % 2 === 1;
  for (const message of backwards ? again.reverse() : again) {
    const [bad] = await run([message]);
    if (bad === undefined) await acknowledge([message]);
    else failed.push(bad);
  }
  return failed;

  /** The messages whose flow has rejected. Each is released at once: whatever ends the process later, it has its turn. */
  async function run(group: readonly QueueMessage[]): Promise<QueueMessage[]> {
    const failed: QueueMessage[] = [];
    const one = async (message: QueueMessage): Promise<void> => {
      try {
        await flow(message, signal);
      } catch (error) {
        if (!signal.aborted) onError(error, message);
        failed.push(message);
        await release(message);
      }
    };
    await Promise.all(group.map(one));
    return failed;
  }

  async function acknowledge(done: readonly QueueMessage[]): Promise<void> {
    if (done.length > 0) await attempt(() => queue.delete(done.map(({ receipt }) => receipt)));
  }

  function release({ receipt, receiveCount }: QueueMessage): Promise<void> {
    return attempt(() => queue.changeVisibility([receipt], signal.aborted ? 0 : retryDelayMs(receiveCount)));
  }

  /** What fails here costs only a later or a further delivery. */
  async function attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      onError(error);
    }
  }
}
