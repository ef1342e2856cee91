import { describe, expect, it } from 'vitest';
import { createTurnstile } from '../../../lib/pipeline/isolate-poison.ts';
import type { QueueMessage } from '../../../lib/ports/queue.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

function setUp() {
  const clock = createVirtualClock();
  const turnstile = createTurnstile(clock);
  const log: string[] = [];
  const pass = (body: string, receiveCount: number, ms = 100): Promise<void> => {
    const sentAt = new Date(0);
    const message: QueueMessage = { body, receiveCount, receipt: body, lastReceive: receiveCount >= 5, sentAt };
    return turnstile.run(message, async () => {
      log.push(`${body} begins`);
      await clock.sleep(ms);
      log.push(`${body} ends`);
    });
  };
  return { clock, turnstile, log, pass };
}

describe('a turnstile', () => {
  it('lets messages through side by side on their first two deliveries', async () => {
    const { log, pass } = setUp();
    await Promise.all([pass('a', 1), pass('b', 2)]);
    expect(log).toEqual(['a begins', 'b begins', 'a ends', 'b ends']);
  });

  it('lets suspects through one by one, after what had begun, and others when they are through', async () => {
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
    ['by the one that has come most often', [3, 4], ['c', 'b', 'a']],
  ])('takes suspects %s when they have come %j times', async (_, [first = 0, second = 0], order) => {
    const { log, pass } = setUp();
    await Promise.all([pass('b', first), pass('a', second), pass('c', first)]);
    expect(log.filter((line) => line.endsWith('begins')).map((line) => line[0])).toEqual(order);
  });

  it('goes on after a suspect that fails, and tells who waits for it', async () => {
    const { turnstile, log, pass } = setUp();
    const message = { body: 'a', receiveCount: 3, receipt: 'a', lastReceive: false, sentAt: new Date(0) };
    const failing = turnstile.run(message, () => Promise.reject(new Error('no')));
    const [failed] = await Promise.allSettled([failing, pass('b', 3), pass('c', 1)]);
    expect(failed?.status).toBe('rejected');
    expect(log).toContain('b ends');
    expect(log).toContain('c ends');
  });
});
