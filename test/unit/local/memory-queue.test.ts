import { describe, expect, test } from 'vitest';
import { maxReceiveCount } from '../../../lib/contracts/delivery.ts';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

function setUp({ capacity = 100 } = {}) {
  const clock = createVirtualClock();
  const queue = createMemoryQueue({ clock, capacity });
  const receive = (waitMs = 0, maxMessages = 10) => queue.receive({ maxMessages, waitMs });
  const bodies = async (waitMs = 0, maxMessages = 10) => (await receive(waitMs, maxMessages)).map(({ body }) => body);
  return { clock, queue, receive, bodies };
}

describe('the queue in memory', () => {
  test('delivers in order, up to the requested number', async () => {
    const { queue, bodies } = setUp();
    await queue.send(['a', 'b', 'c']);
    expect(await bodies(0, 2)).toEqual(['a', 'b']);
    expect(await bodies(0, 2)).toEqual(['c']);
    expect(await bodies()).toEqual([]);
  });

  test('hides a delivered message for its visibility timeout, then delivers it again', async () => {
    const { clock, queue, receive, bodies } = setUp();
    const sentAt = clock.now();
    await queue.send(['a']);
    expect(await receive()).toMatchObject([{ body: 'a', receiveCount: 1, lastReceive: false, sentAt }]);
    expect(await bodies(59_999)).toEqual([]);
    expect(await receive(10)).toMatchObject([{ body: 'a', receiveCount: 2, sentAt }]);
  });

  test('does not deliver a deleted message again', async () => {
    const { queue, receive, bodies } = setUp();
    await queue.send(['a']);
    const [message] = await receive();
    await queue.delete([message?.receipt ?? '']);
    expect(await bodies(100_000)).toEqual([]);
    expect(queue.size()).toBe(0);
  });

  test('ignores a receipt of an earlier delivery', async () => {
    const { queue, receive } = setUp();
    await queue.send(['a']);
    const [first] = await receive();
    await receive(70_000);
    await queue.delete([first?.receipt ?? '']);
    await queue.changeVisibility([first?.receipt ?? ''], 0);
    expect(queue.size()).toBe(1);
    expect(await receive()).toEqual([]);
  });

  test('extends the visibility timeout of a message, or releases it', async () => {
    const { clock, queue, receive, bodies } = setUp();
    await queue.send(['a']);
    const [message] = await receive();
    await clock.sleep(20_000);
    await queue.changeVisibility([message?.receipt ?? ''], 30_000);
    expect(await bodies(29_000)).toEqual([]);
    await queue.changeVisibility([message?.receipt ?? ''], 0);
    expect(await bodies()).toEqual(['a']);
  });

  test('wakes a receiver for a new message and for a released message', async () => {
    const { clock, queue, bodies } = setUp();
    const start = clock.now().getTime();
    const waiting = bodies(20_000);
    await clock.sleep(1000);
    await queue.send(['a']);
    expect(await waiting).toEqual(['a']);
    expect(clock.now().getTime() - start).toBe(1000);
  });

  test('ends a receive when the signal aborts', async () => {
    const { clock, queue } = setUp();
    const stop = new AbortController();
    const waiting = queue.receive({ maxMessages: 1, waitMs: 20_000, signal: stop.signal });
    stop.abort();
    expect(await waiting).toEqual([]);
    expect(clock.now().getTime()).toBe(Date.UTC(2026, 0, 1));
  });

  test('dead-letters a message that was received too often', async () => {
    const { queue, receive, bodies } = setUp();
    await queue.send(['poison']);
    for (let count = 1; count <= maxReceiveCount; count += 1) {
      expect(await receive(70_000)).toMatchObject([{ receiveCount: count, lastReceive: count === maxReceiveCount }]);
    }
    expect(await bodies(70_000)).toEqual([]);
    expect(queue.deadLetters).toEqual(['poison']);
    expect(queue.size()).toBe(0);
  });

  test('lets senders wait in order while it is full, including held messages', async () => {
    const { queue, receive, bodies } = setUp({ capacity: 2 });
    await queue.send(['a', 'b']);
    const sent: string[] = [];
    const sending = ['c', 'd'].map((body) => queue.send([body]).then(() => sent.push(body)));
    const [first, second] = await receive();
    expect(sent).toEqual([]);
    await queue.delete([first?.receipt ?? '']);
    await sending[0];
    expect(sent).toEqual(['c']);
    await queue.delete([second?.receipt ?? '']);
    await sending[1];
    expect(await bodies()).toEqual(['c', 'd']);
  });

  test('ends a wait for room when the signal aborts', async () => {
    const { queue } = setUp({ capacity: 1 });
    await queue.send(['a']);
    const stop = new AbortController();
    const sending = queue.send(['b'], { signal: stop.signal });
    stop.abort(new Error('stopped'));
    await expect(sending).rejects.toThrow('stopped');
    expect(queue.size()).toBe(1);
  });
});
