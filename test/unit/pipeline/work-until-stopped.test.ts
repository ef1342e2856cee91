import { describe, expect, it } from 'vitest';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import type { Flow } from '../../../lib/pipeline/consumer.ts';
import { workUntilStopped } from '../../../lib/pipeline/work-until-stopped.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

function setUp(
  flow: (clock: ReturnType<typeof createVirtualClock>) => Flow,
  options: { consumers?: number; prefetch?: number } = {},
) {
  const clock = createVirtualClock();
  const queue = createMemoryQueue({ clock, capacity: 100 });
  const stop = new AbortController();
  const giveUp = new AbortController();
  const errors: unknown[] = [];
  const working = workUntilStopped({
    ...{ queue, clock, giveUp },
    flow: flow(clock),
    signal: stop.signal,
    drainMs: 90_000,
    consumers: options.consumers ?? 2,
    prefetch: options.prefetch ?? 4,
    onError: (error) => void errors.push(error),
  });
  return { clock, queue, stop, giveUp, errors, working };
}

describe('a worker', () => {
  it('has no more messages at hand than it may, over all receivers', async () => {
    let running = 0;
    let most = 0;
    const { clock, queue, stop, working } = setUp((clock) => async () => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(1000);
      running -= 1;
    });
    await queue.send(Array.from({ length: 20 }, (_, i) => String(i)));
    await clock.sleep(60_000);
    expect(queue.size()).toBe(0);
    expect(most).toBe(4);
    stop.abort();
    await working;
  });

  it('finishes what it has when it is stopped', async () => {
    const { clock, queue, stop, working } = setUp((clock) => () => clock.sleep(60_000), { prefetch: 2 });
    await queue.send(['a', 'b', 'c', 'd']);
    await clock.sleep(1);
    stop.abort();
    await working;
    expect(queue.size()).toBe(2);
  });

  it('releases what it cannot finish in time, without calling it an error', async () => {
    const { clock, queue, stop, errors, working } = setUp((clock) => async (_, signal) => {
      await clock.sleep(600_000, signal);
      signal?.throwIfAborted();
    });
    await queue.send(['a', 'b']);
    await clock.sleep(1);
    const from = clock.now().getTime();
    stop.abort();
    await working;
    expect(clock.now().getTime() - from).toBe(90_000);
    expect(await queue.receive({ maxMessages: 10, waitMs: 0 })).toHaveLength(2);
    expect(errors).toEqual([]);
  });

  it('lets a message through that has come each time beside one that ended the worker', async () => {
    const clock = createVirtualClock();
    const queue = createMemoryQueue({ clock, capacity: 10 });
    await queue.send(['poison', 'good']);
    const done: string[] = [];
    for (let life = 0; life < 5; life++) {
      let dead = false;
      // Ends together with its machine: nothing of it is done any more.
      const mortal = async (call: () => Promise<void>): Promise<void> => (dead ? new Promise(() => {}) : call());
      void workUntilStopped({
        queue: {
          ...queue,
          receive: (options) => (dead ? new Promise(() => {}) : queue.receive(options)),
          delete: (receipts) => mortal(() => queue.delete(receipts)),
          changeVisibility: (receipts, ms) => mortal(() => queue.changeVisibility(receipts, ms)),
        },
        async flow({ body }) {
          if (body === 'poison') {
            dead = true;
            await new Promise(() => {});
          }
          await clock.sleep(10);
          if (!dead) done.push(body);
        },
        ...{ clock, consumers: 2, prefetch: 2, drainMs: 1 },
        signal: new AbortController().signal,
        giveUp: new AbortController(),
        onError: () => {},
      });
      await clock.sleep(61_000);
      dead = true;
    }
    await clock.sleep(61_000);
    await queue.receive({ maxMessages: 1, waitMs: 0 });
    clock.stop();
    expect(done).toEqual(['good']);
    expect(queue.deadLetters).toEqual(['poison']);
  });

  it('does nothing when it was stopped before it began', async () => {
    const clock = createVirtualClock();
    const queue = createMemoryQueue({ clock, capacity: 1 });
    await queue.send(['a']);
    const options = { queue, clock, giveUp: new AbortController(), consumers: 1, prefetch: 1, drainMs: 1 };
    await workUntilStopped({ ...options, flow: async () => {}, signal: AbortSignal.abort(), onError: () => {} });
    expect(queue.size()).toBe(1);
  });
});
