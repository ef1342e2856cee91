import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type AnswerOptions, answerDelivery } from '../../../functions/answer-delivery.ts';
import type { SqsEvent } from '../../../lib/aws/lambda-delivery.ts';
import type { QueueMessage } from '../../../lib/ports/queue.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Receipts with the time that the message stays hidden (milliseconds). */
let released: [string, number][] = [];

function options(changes: Partial<AnswerOptions>): AnswerOptions {
  released = [];
  return {
    flow: async () => {},
    queueAt: () => ({
      send: async () => {},
      receive: async () => [],
      delete: async () => {},
      changeVisibility: async (receipts, ms) => void released.push([receipts.join(' '), ms]),
    }),
    siblingUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/other',
    reserveMs: () => 15_000,
    onError: () => {},
    ...changes,
  };
}

function delivery(...bodies: string[]): SqsEvent {
  const records = bodies.map((body) => ({
    messageId: `id-${body}`,
    receiptHandle: `receipt-${body}`,
    eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:tokens',
    body,
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: '0' },
  }));
  return { Records: records };
}

/** An invocation that ends in `ms`. */
function context(ms: number) {
  const end = Date.now() + ms;
  return { getRemainingTimeInMillis: () => end - Date.now() };
}

/** A flow whose work begins only if the signal has not aborted. */
async function begin(_: QueueMessage, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
}

it('returns the ids of the messages that failed', async () => {
  const flow = async ({ body }: QueueMessage): Promise<void> => {
    if (body === 'b') throw new Error('failed');
  };
  const errors: unknown[] = [];
  const onError = (_: unknown, message?: QueueMessage) => void errors.push(message?.body);
  const answer = await answerDelivery(delivery('a', 'b', 'c'), context(60_000), options({ flow, onError }));

  expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'id-b' }] });
  expect(errors).toEqual(['b']);
  expect(released).toEqual([['receipt-b', 10_000]]);
});

it('begins nothing when the remaining time is the reserve: all messages come back at once', async () => {
  const answer = await answerDelivery(delivery('a', 'b'), context(15_000), options({ flow: begin }));

  expect(answer.batchItemFailures).toHaveLength(2);
  expect(released).toEqual([
    ['receipt-a', 0],
    ['receipt-b', 0],
  ]);
});

it('aborts what has not begun when the time is used up, and lets the rest end', async () => {
  const flow = async ({ body }: QueueMessage, signal?: AbortSignal): Promise<void> => {
    for (let work = 0; work < (body === 'short' ? 10 : 100); work++) {
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  };
  const answering = answerDelivery(delivery('long', 'short'), context(60_000), options({ flow }));
  await vi.advanceTimersByTimeAsync(45_999);
  expect(released).toEqual([['receipt-long', 0]]);

  expect(await answering).toEqual({ batchItemFailures: [{ itemIdentifier: 'id-long' }] });
});

it('asks for the reserve again and again, with the time that the delivery has in all', async () => {
  const asked: number[] = [];
  const reserveMs = (givenMs: number): number => {
    asked.push(givenMs);
    return asked.length < 9 ? 0 : 60_000;
  };
  const flow = (_: QueueMessage, signal?: AbortSignal) =>
    new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  const answering = answerDelivery(delivery('a'), context(60_000), options({ flow, reserveMs }));
  await vi.advanceTimersByTimeAsync(2000);

  expect((await answering).batchItemFailures).toHaveLength(1);
  expect(asked.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => 60_000));
});

it('holds the messages until the delivery ends; one that failed has its own delay', async () => {
  const flow = async ({ body }: QueueMessage): Promise<void> => {
    if (body === 'bad') throw new Error('failed');
    await new Promise((resolve) => setTimeout(resolve, 30_000));
  };
  const answering = answerDelivery(delivery('good', 'bad'), context(60_000), options({ flow, visibilityMs: 60_000 }));
  await vi.advanceTimersByTimeAsync(30_000);

  expect((await answering).batchItemFailures).toEqual([{ itemIdentifier: 'id-bad' }]);
  expect(released).toEqual([
    ['receipt-good receipt-bad', 60_000],
    ['receipt-bad', 10_000],
    ['receipt-good', 60_000],
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

it('leaves no timer for the next invocation, which may follow minutes later', async () => {
  await answerDelivery(delivery('a'), context(60_000), options({}));
  await answerDelivery({ Records: 'none' }, context(60_000), options({})).catch(() => {});

  expect(vi.getTimerCount()).toBe(0);
});
