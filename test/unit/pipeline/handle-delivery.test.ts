import { describe, expect, it } from 'vitest';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import type { Flow } from '../../../lib/pipeline/consumer.ts';
import { handleDelivery } from '../../../lib/pipeline/handle-delivery.ts';
import type { Queue, QueueMessage } from '../../../lib/ports/queue.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

/** Receives everything, runs one batch, and deletes what Lambda would. */
function setUp(flow: Flow, changes: Partial<Queue> = {}) {
  const clock = createVirtualClock();
  const queue = createMemoryQueue({ clock, capacity: 100, visibilityMs: 600_000 });
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
    ...{ clock, queue, deleted, errors },
    async batch(signal = new AbortController().signal): Promise<string[]> {
      const messages = await queue.receive({ maxMessages: 100, waitMs: 0 });
      const onError = (error: unknown): void => void errors.push(error);
      const failed = await handleDelivery(messages, { queue: spied, flow, signal, onError });
      await queue.delete(messages.filter((message) => !failed.includes(message)).map(({ receipt }) => receipt));
      return failed.map(({ body }) => body);
    },
  };
}

/** Makes the message come for the second time. */
async function receiveOnce(queue: ReturnType<typeof setUp>['queue']): Promise<void> {
  const messages = await queue.receive({ maxMessages: 100, waitMs: 0 });
  await queue.changeVisibility(
    messages.map(({ receipt }) => receipt),
    0,
  );
}

describe('a batch', () => {
  it('names the messages that failed, and releases them later each time', async () => {
    const { clock, queue, errors, batch } = setUp(async ({ body }) => {
      if (body === 'bad') throw new Error('no');
    });
    await queue.send(['a', 'bad', 'b']);
    expect(await batch()).toEqual(['bad']);
    expect(errors).toHaveLength(1);
    expect(queue.size()).toBe(1);
    expect(await batch()).toEqual([]);
    await clock.sleep(1000);
    expect(await batch()).toEqual(['bad']);
    await clock.sleep(1999);
    expect(await queue.receive({ maxMessages: 1, waitMs: 0 })).toEqual([]);
    await clock.sleep(1);
    expect(await queue.receive({ maxMessages: 1, waitMs: 0 })).toHaveLength(1);
  });

  it('runs first deliveries together', async () => {
    let running = 0;
    let most = 0;
    const { clock, queue, deleted, batch } = setUp(async () => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(10);
      running -= 1;
    });
    await queue.send(['a', 'b', 'c']);
    expect(await batch()).toEqual([]);
    expect(most).toBe(3);
    // Lambda deletes them.
    expect(deleted).toEqual([]);
  });

  it('deletes what is done before it begins with a message that has come before, and takes such singly', async () => {
    const log: string[] = [];
    const { queue, deleted, batch } = setUp(async ({ body, receiveCount }: QueueMessage) => {
      log.push(`${body}${receiveCount} after ${deleted.length} deletions`);
    });
    await queue.send(['x', 'y']);
    await receiveOnce(queue);
    await queue.send(['a', 'b']);
    await batch();
    expect(log).toEqual([
      'a1 after 0 deletions',
      'b1 after 0 deletions',
      'x2 after 1 deletions',
      'y2 after 2 deletions',
    ]);
    expect(deleted).toEqual([2, 1, 1]);
  });

  it('goes backwards every other time, so that poison has nobody behind it for ever', async () => {
    const log: string[] = [];
    const { queue, batch } = setUp(async ({ body }) => void log.push(body));
    await queue.send(['x', 'y', 'z']);
    await receiveOnce(queue);
    await receiveOnce(queue);
    await batch();
    expect(log).toEqual(['z', 'y', 'x']);
  });

  it('takes turns by the message that has come most often, so that neighbours of different counts take them too', async () => {
    const log: string[] = [];
    const { queue, batch } = setUp(async ({ body }) => void log.push(body));
    await queue.send(['x']);
    await receiveOnce(queue);
    await queue.send(['y']);
    await receiveOnce(queue);
    await receiveOnce(queue);
    // The third delivery of y, then the fourth of x.
    await batch();
    expect(log).toEqual(['y', 'x']);
  });

  it('releases what has failed at once: if the next message ends the process, that one still has its turns', async () => {
    const { clock, queue, batch } = setUp(({ body }) =>
      body === 'bad' ? Promise.reject(new Error('no')) : new Promise(() => {}),
    );
    await queue.send(['bad', 'poison']);
    void batch();
    await clock.sleep(1000);
    expect(await queue.receive({ maxMessages: 10, waitMs: 0 })).toMatchObject([{ body: 'bad', receiveCount: 2 }]);
  });

  it('goes on when deleting or releasing fails: that costs a delivery more', async () => {
    const refuse = async (): Promise<void> => {
      throw new Error('throttled');
    };
    const flow: Flow = async ({ body }) => {
      if (body === 'bad') throw new Error('no');
    };
    const { queue, errors, batch } = setUp(flow, { delete: refuse, changeVisibility: refuse });
    await queue.send(['good', 'bad']);
    await receiveOnce(queue);
    expect(await batch()).toEqual(['bad']);
    expect(errors.map(String)).toEqual(['Error: throttled', 'Error: no', 'Error: throttled']);
  });

  it('gives back at once what was not begun when the time is over', async () => {
    const stop = new AbortController();
    const { queue, errors, batch } = setUp(async (_, signal) => {
      stop.abort();
      signal?.throwIfAborted();
    });
    await queue.send(['a', 'b']);
    expect(await batch(stop.signal)).toEqual(['a', 'b']);
    expect(errors).toEqual([]);
    expect(await queue.receive({ maxMessages: 10, waitMs: 0 })).toHaveLength(2);
  });
});
