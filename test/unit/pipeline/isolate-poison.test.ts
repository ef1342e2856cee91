import { describe, expect, it } from 'vitest';
import { createTurnstile, isolate } from '../../../lib/pipeline/isolate-poison.ts';
import type { QueueMessage } from '../../../lib/ports/queue.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

/** Isolates the items from delivery 2 on; the digit of an item is its receive count, `x` fails. */
async function isolated(items: string[]) {
  const clock = createVirtualClock();
  const log: string[] = [];
  const failed = await isolate(items, {
    suspectFrom: 2,
    receiveCountOf: (item) => Number(item[1]),
    async work(item) {
      log.push(item);
      await clock.sleep(100);
      if (item.startsWith('x')) throw new Error(`no ${item}`);
      log.push(`${item} ends`);
    },
    beforeSuspects: async (done) => void log.push(`before suspects: ${done}`),
  });
  return { log, failed };
}

describe('isolating the items of a list', () => {
  it('processes first deliveries side by side', async () => {
    const { log, failed } = await isolated(['a1', 'b1']);
    expect(log).toEqual(['a1', 'b1', 'a1 ends', 'b1 ends']);
    expect(failed).toEqual([]);
  });

  it('processes suspects one by one, after telling what has succeeded', async () => {
    const { log } = await isolated(['a2', 'b1', 'x1', 'c2']);
    expect(log).toEqual(['b1', 'x1', 'b1 ends', 'before suspects: b1', 'a2', 'a2 ends', 'c2', 'c2 ends']);
  });

  it.each([
    ['forwards', 2, ['a2', 'b2', 'c2']],
    ['backwards', 3, ['c3', 'b3', 'a3']],
    ['forwards', 4, ['a4', 'b4', 'c4']],
  ])('goes %s on delivery %i', async (_, count, order) => {
    const { log } = await isolated([`a${count}`, `b${count}`, `c${count}`]);
    expect(log.filter((line) => line.length === 2)).toEqual(order);
  });

  it('continues after a failure, and returns every failure', async () => {
    const { log, failed } = await isolated(['x2', 'x1', 'a2']);
    expect(log).toContain('a2 ends');
    expect(failed).toEqual([
      { item: 'x1', error: new Error('no x1') },
      { item: 'x2', error: new Error('no x2') },
    ]);
  });
});

function setUp() {
  const clock = createVirtualClock();
  const turnstile = createTurnstile(clock, 3);
  const log: string[] = [];
  const pass = (body: string, receiveCount: number, ms = 100): Promise<void> =>
    turnstile.run(message(body, receiveCount), async () => {
      log.push(`${body} begins`);
      await clock.sleep(ms);
      log.push(`${body} ends`);
    });
  return { clock, turnstile, log, pass };
}

const message = (body: string, receiveCount: number): QueueMessage => ({
  body,
  receiveCount,
  receipt: body,
  lastReceive: receiveCount >= 5,
  sentAt: new Date(0),
});

describe('a turnstile', () => {
  it('runs messages side by side on their first two deliveries', async () => {
    const { log, pass } = setUp();
    await Promise.all([pass('a', 1), pass('b', 2)]);
    expect(log).toEqual(['a begins', 'b begins', 'a ends', 'b ends']);
  });

  it('runs suspects one by one, after what was running and before what comes later', async () => {
    const { clock, log, pass } = setUp();
    const all = [pass('early', 1, 5000), pass('b', 3), pass('a', 3)];
    await clock.sleep(10);
    all.push(pass('late', 1));
    await Promise.all(all);
    expect(log.map((line) => line.replace(' begins', ''))).toEqual([
      ...['early', 'early ends', 'a', 'a ends', 'b', 'b ends', 'late', 'late ends'],
    ]);
  });

  it.each([
    ['forwards', [3, 3], ['a', 'b', 'c']],
    ['backwards', [4, 4], ['c', 'b', 'a']],
    ['forwards', [5, 5], ['a', 'b', 'c']],
    ['as the highest receive count says', [3, 4], ['c', 'b', 'a']],
  ])('runs suspects %s when they were received %j times', async (_, [first = 0, second = 0], order) => {
    const { log, pass } = setUp();
    await Promise.all([pass('b', first), pass('a', second), pass('c', first)]);
    expect(log.filter((line) => line.endsWith('begins')).map((line) => line[0])).toEqual(order);
  });

  it('continues after a suspect that fails, and rejects its promise', async () => {
    const { turnstile, log, pass } = setUp();
    const failing = turnstile.run(message('a', 3), () => Promise.reject(new Error('no')));
    const [failed] = await Promise.allSettled([failing, pass('b', 3), pass('c', 1)]);
    expect(failed?.status).toBe('rejected');
    expect(log).toContain('b ends');
    expect(log).toContain('c ends');
  });
});
