import { maxReceiveCount, workerVisibilitySeconds } from '../contracts/delivery.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue, QueueMessage } from '../ports/queue.ts';

export interface MemoryQueueOptions {
  clock: Clock;
  /** Most messages in the queue, including held ones. Senders wait while the queue is full. */
  capacity: number;
}

export interface MemoryQueue extends Queue {
  /** Bodies of dead-lettered messages. */
  readonly deadLetters: readonly string[];
  /** Messages in the queue, including held ones. */
  size(): number;
}

/** Abort reason that wakes a receiver. A text is cheaper than an error with a stack. */
const woken = 'woken';

interface Item {
  body: string;
  sentAt: Date;
  receiveCount: number;
  /** When a held message becomes visible again (milliseconds since the epoch). */
  visibleAt: number;
}

/**
 * A queue in memory that behaves like the tokens queue on SQS, with its visibility timeout and receives. A receipt of an
 * earlier delivery has no effect.
 */
export function createMemoryQueue({ clock, capacity }: MemoryQueueOptions): MemoryQueue {
  const visible = new Set<Item>();
  const held = new Map<string, Item>();
  const deadLetters: string[] = [];
  const senders = new Set<() => void>();
  const receivers = new Set<AbortController>();
  let deliveries = 0;

  const size = (): number => visible.size + held.size;

  function wakeReceivers(): void {
    for (const nap of receivers) nap.abort(woken);
  }

  function makeRoom(): void {
    const [sender] = senders;
    if (sender !== undefined && size() < capacity) sender();
  }

  async function waitForRoom(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    // Senders proceed in the order of their arrival.
    while (size() >= capacity) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const abort = (): void => reject(signal?.reason);
      senders.add(resolve);
      signal?.addEventListener('abort', abort, { once: true });
      try {
        await promise;
      } finally {
        senders.delete(resolve);
        signal?.removeEventListener('abort', abort);
      }
    }
  }

  /** Makes held messages visible when their time is over, or dead-letters them. */
  function expire(): void {
    const now = clock.now().getTime();
    for (const [receipt, item] of held) {
      if (item.visibleAt > now) continue;
      held.delete(receipt);
      if (item.receiveCount < maxReceiveCount) visible.add(item);
      else deadLetters.push(item.body);
    }
    makeRoom();
  }

  function take(maxMessages: number): QueueMessage[] {
    const visibleAt = clock.now().getTime() + workerVisibilitySeconds * 1000;
    return [...visible].slice(0, maxMessages).map((item) => {
      visible.delete(item);
      deliveries += 1;
      const receipt = String(deliveries);
      item.receiveCount += 1;
      item.visibleAt = visibleAt;
      held.set(receipt, item);
      const { body, receiveCount, sentAt } = item;
      return { body, receipt, receiveCount, lastReceive: receiveCount >= maxReceiveCount, sentAt };
    });
  }

  /** Sleeps until a message may have become visible, until `until`, or until `signal` aborts. */
  async function nap(until: number, signal?: AbortSignal): Promise<void> {
    const controller = new AbortController();
    const wake = (): void => controller.abort(woken);
    receivers.add(controller);
    signal?.addEventListener('abort', wake, { once: true });
    const next = [...held.values()].reduce((first, { visibleAt }) => Math.min(first, visibleAt), until);
    await clock.sleep(Math.max(next - clock.now().getTime(), 0), controller.signal);
    signal?.removeEventListener('abort', wake);
    receivers.delete(controller);
  }

  return {
    deadLetters,
    size,
    async send(bodies, { signal } = {}) {
      for (const body of bodies) {
        await waitForRoom(signal);
        visible.add({ body, sentAt: clock.now(), receiveCount: 0, visibleAt: 0 });
        wakeReceivers();
        makeRoom();
      }
    },
    async receive({ maxMessages, waitMs, signal }) {
      const until = clock.now().getTime() + waitMs;
      for (;;) {
        if (signal?.aborted) return [];
        expire();
        if (visible.size > 0) return take(maxMessages);
        if (clock.now().getTime() >= until) return [];
        await nap(until, signal);
      }
    },
    async delete(receipts) {
      for (const receipt of receipts) held.delete(receipt);
      makeRoom();
    },
    async changeVisibility(receipts, visibilityMs) {
      const visibleAt = clock.now().getTime() + visibilityMs;
      for (const receipt of receipts) {
        const item = held.get(receipt);
        if (item !== undefined) item.visibleAt = visibleAt;
      }
      // Sleeping receivers must compute their time again.
      wakeReceivers();
    },
  };
}
