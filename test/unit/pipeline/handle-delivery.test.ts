import { describe, expect, it } from 'vitest';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import type { Flow } from '../../../lib/pipeline/consumer.ts';
import { handleDelivery } from '../../../lib/pipeline/handle-delivery.ts';
import type { Queue, QueueMessage } from '../../../lib/ports/queue.ts';
import { doublingDelayMs as retryDelayMs } from '../../support/retry-delay.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

/** `deliver` receives every message, handles the delivery, and deletes what Lambda would delete. */
function setUp(flow: Flow, changes: Partial<Queue> = {}) {
  const clock = createVirtualClock();
  const queue = createMemoryQueue({ clock, capacity: 100 });
  const deleted: number[] = [];
  const errors: unknown[] = [];
  const spied = {
    ...queue,
    async delete(receipts: readonly string[]) {
      deleted.push(receipts.length);
      await queue.delete(receipts);
    },
    ...changes,
  };
  return {
    clock,
    queue,
    deleted,
    errors,
    async deliver(signal = new AbortController().signal): Promise<string[]> {
      const messages = await queue.receive({ maxMessages: 100, waitMs: 0 });
      const onError = (error: unknown): void => void errors.push(error);
      const failed = await handleDelivery(messages, { queue: spied, flow, signal, retryDelayMs, onError });
      await queue.delete(messages.filter((message) => !failed.includes(message)).map(({ receipt }) => receipt));
      return failed.map(({ body }) => body);
    },
  };
}

/** Adds one receive to every message in the queue. */
async function receiveOnce(queue: ReturnType<typeof setUp>['queue']): Promise<void> {
  const messages = await queue.receive({ maxMessages: 100, waitMs: 0 });
  await queue.changeVisibility(
    messages.map(({ receipt }) => receipt),
    0,
  );
}

describe('a delivery', () => {
  it('returns the messages that failed, released with a growing delay', async () => {
    const { clock, queue, errors, deliver } = setUp(async ({ body }) => {
      if (body === 'bad') throw new Error('no');
    });
    await queue.send(['a', 'bad', 'b']);
    expect(await deliver()).toEqual(['bad']);
    expect(errors).toHaveLength(1);
    expect(queue.size()).toBe(1);
    expect(await deliver()).toEqual([]);
    await clock.sleep(1000);
    expect(await deliver()).toEqual(['bad']);
    await clock.sleep(1999);
    expect(await queue.receive({ maxMessages: 1, waitMs: 0 })).toEqual([]);
    await clock.sleep(1);
    expect(await queue.receive({ maxMessages: 1, waitMs: 0 })).toHaveLength(1);
  });

  it('runs first deliveries side by side', async () => {
    let running = 0;
    let most = 0;
    const { clock, queue, deleted, deliver } = setUp(async () => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(10);
      running -= 1;
    });
    await queue.send(['a', 'b', 'c']);
    expect(await deliver()).toEqual([]);
    expect(most).toBe(3);
    // Lambda deletes the messages.
    expect(deleted).toEqual([]);
  });

  it('runs a redelivered message alone, after deleting what is done', async () => {
    const log: string[] = [];
    const { queue, deleted, deliver } = setUp(async ({ body, receiveCount }: QueueMessage) => {
      log.push(`${body}${receiveCount} after ${deleted.length} deletions`);
    });
    await queue.send(['x', 'y']);
    await receiveOnce(queue);
    await queue.send(['a', 'b']);
    await deliver();
    expect(log).toEqual([
      'a1 after 0 deletions',
      'b1 after 0 deletions',
      'x2 after 1 deletions',
      'y2 after 2 deletions',
    ]);
    expect(deleted).toEqual([2, 1, 1]);
  });

  it('goes backwards on every other delivery, so that no message stays behind poison', async () => {
    const log: string[] = [];
    const { queue, deliver } = setUp(async ({ body }) => void log.push(body));
    await queue.send(['x', 'y', 'z']);
    await receiveOnce(queue);
    await receiveOnce(queue);
    await deliver();
    expect(log).toEqual(['z', 'y', 'x']);
  });

  it('chooses the direction by the highest receive count', async () => {
    const log: string[] = [];
    const { queue, deliver } = setUp(async ({ body }) => void log.push(body));
    await queue.send(['x']);
    await receiveOnce(queue);
    await queue.send(['y']);
    await receiveOnce(queue);
    await receiveOnce(queue);
    // The third delivery of y, then the fourth of x.
    await deliver();
    expect(log).toEqual(['y', 'x']);
  });

  it('releases a failed message at once, because the next one may end the process', async () => {
    const { clock, queue, deliver } = setUp(({ body }) =>
      body === 'bad' ? Promise.reject(new Error('no')) : new Promise(() => {}),
    );
    await queue.send(['bad', 'poison']);
    void deliver();
    await clock.sleep(1000);
    expect(await queue.receive({ maxMessages: 10, waitMs: 0 })).toMatchObject([{ body: 'bad', receiveCount: 2 }]);
  });

  it('continues when deleting or releasing fails', async () => {
    const refuse = async (): Promise<void> => {
      throw new Error('throttled');
    };
    const flow: Flow = async ({ body }) => {
      if (body === 'bad') throw new Error('no');
    };
    const { queue, errors, deliver } = setUp(flow, { delete: refuse, changeVisibility: refuse });
    await queue.send(['good', 'bad']);
    await receiveOnce(queue);
    expect(await deliver()).toEqual(['bad']);
    expect(errors.map(String)).toEqual(['Error: throttled', 'Error: no', 'Error: throttled']);
  });

  it('releases what has not begun when the time is over', async () => {
    const stop = new AbortController();
    const { queue, errors, deliver } = setUp(async (_, signal) => {
      stop.abort();
      signal?.throwIfAborted();
    });
    await queue.send(['a', 'b']);
    expect(await deliver(stop.signal)).toEqual(['a', 'b']);
    expect(errors).toEqual([]);
    expect(await queue.receive({ maxMessages: 10, waitMs: 0 })).toHaveLength(2);
  });
});
