import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { holdMessages } from '../../../functions/hold-messages.ts';
import type { QueueMessage } from '../../../lib/ports/queue.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const message = (receipt: string): QueueMessage => ({
  body: receipt,
  receipt,
  receiveCount: 1,
  lastReceive: false,
  sentAt: new Date(0),
});

/** Holds messages. `hidden`: the receipts of each request, with the seconds that they stay hidden from then on. */
async function holding(receipts: string[], answers: (() => Promise<void>)[] = []) {
  const hidden: [string, number][] = [];
  const errors: unknown[] = [];
  const queue = {
    send: async () => {},
    receive: async () => [],
    delete: async () => {},
    async changeVisibility(receipts: readonly string[], ms: number) {
      hidden.push([receipts.join(' '), ms / 1000]);
      await answers.shift()?.();
    },
  };
  const flow = async ({ body }: QueueMessage): Promise<void> => {
    if (body.startsWith('bad')) throw new Error('failed');
  };
  const onError = (error: unknown) => void errors.push(error);
  const held = await holdMessages(receipts.map(message), { queue, visibilityMs: 60_000, flow, onError });
  return { held, hidden, errors };
}

it('hides the messages for a minute, and again every 20 seconds', async () => {
  const { held, hidden } = await holding(['a', 'b']);
  expect(hidden).toEqual([['a b', 60]]);

  await vi.advanceTimersByTimeAsync(40_000);
  expect(hidden).toEqual([
    ['a b', 60],
    ['a b', 60],
    ['a b', 60],
  ]);
  held[Symbol.dispose]();
  expect(vi.getTimerCount()).toBe(0);
});

it('holds a finished message, which Lambda deletes after the delivery, and leaves a failed one its own delay', async () => {
  const { held, hidden } = await holding(['good', 'bad']);
  await held.flow(message('good'));
  await expect(held.flow(message('bad'))).rejects.toThrow('failed');
  await vi.advanceTimersByTimeAsync(20_000);

  expect(hidden.slice(1)).toEqual([['good', 60]]);
  held[Symbol.dispose]();
});

it('asks for nothing when all messages have failed', async () => {
  const { held, hidden } = await holding(['bad']);
  await expect(held.flow(message('bad'))).rejects.toThrow('failed');
  await vi.advanceTimersByTimeAsync(60_000);

  expect(hidden).toHaveLength(1);
  held[Symbol.dispose]();
});

it('goes on after an error of the queue', async () => {
  const refused = new Error('refused');
  const { held, hidden, errors } = await holding(['a'], [() => Promise.reject(refused)]);
  await vi.advanceTimersByTimeAsync(20_000);

  expect(errors).toEqual([refused]);
  expect(hidden).toHaveLength(2);
  held[Symbol.dispose]();
});
