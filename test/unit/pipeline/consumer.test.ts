import { describe, expect, it, test, vi } from 'vitest';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import { consume, type Flow, workUntilStopped } from '../../../lib/pipeline/consumer.ts';
import { doublingDelayMs as retryDelayMs } from '../../support/retry-delay.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

describe('a consumer', () => {
  function setUp(flow: Flow, options: { concurrency?: number; giveUp?: AbortSignal } = {}) {
    const clock = createVirtualClock();
    const queue = createMemoryQueue({ clock, capacity: 100 });
    const stop = new AbortController();
    const onError = vi.fn();
    const running = consume({
      queue,
      flow,
      clock,
      signal: stop.signal,
      concurrency: 4,
      retryDelayMs,
      onError,
      ...options,
    });
    return {
      clock,
      queue,
      onError,
      stop() {
        stop.abort();
        return running;
      },
    };
  }
  test('deletes a message after its flow has resolved', async () => {
    const seen: string[] = [];
    const { clock, queue, stop } = setUp(async ({ body }) => void seen.push(body));
    await queue.send(['a', 'b']);
    await clock.sleep(1);
    expect(seen).toEqual(['a', 'b']);
    expect(queue.size()).toBe(0);
    await stop();
  });

  test('releases a failed message with a growing delay, until it is dead-lettered', async () => {
    const at: number[] = [];
    const { clock, queue, onError, stop } = setUp(async () => {
      at.push(clock.now().getTime() - Date.UTC(2026, 0, 1));
      throw new Error('no');
    });
    await queue.send(['a']);
    await clock.sleep(60_000);
    expect(at).toEqual([0, 1000, 3000, 7000, 15_000]);
    expect(onError).toHaveBeenCalledTimes(5);
    expect(onError.mock.lastCall?.[1]).toMatchObject({ body: 'a', lastReceive: true });
    expect(queue.deadLetters).toEqual(['a']);
    await stop();
  });

  test('keeps a message hidden while its flow runs', async () => {
    let runs = 0;
    const { clock, queue, stop } = setUp(async () => {
      runs += 1;
      await clock.sleep(600_000);
    });
    await queue.send(['slow']);
    await clock.sleep(700_000);
    expect(runs).toBe(1);
    expect(queue.size()).toBe(0);
    await stop();
  });

  test('renews the visibility even if an earlier renewal gets no answer', async () => {
    const clock = createVirtualClock();
    const queue = createMemoryQueue({ clock, capacity: 10 });
    const stop = new AbortController();
    let calls = 0;
    const changeVisibility: typeof queue.changeVisibility = async (...call) => {
      calls += 1;
      if (calls === 1) await clock.sleep(120_000);
      else await queue.changeVisibility(...call);
    };
    let runs = 0;
    const flow: Flow = async () => {
      runs += 1;
      await clock.sleep(100_000);
    };
    const options = { clock, flow, signal: stop.signal, concurrency: 1, retryDelayMs, onError() {} };
    const running = consume({ ...options, queue: { ...queue, changeVisibility } });
    await queue.send(['slow']);
    await clock.sleep(110_000);
    expect(runs).toBe(1);
    expect(queue.size()).toBe(0);
    stop.abort();
    await running;
  });

  test('holds at most `concurrency` messages', async () => {
    let [running, most] = [0, 0];
    const { clock, queue, stop } = setUp(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await clock.sleep(100);
        running -= 1;
      },
      { concurrency: 3 },
    );
    await queue.send(Array.from({ length: 20 }, (_, i) => String(i)));
    await clock.sleep(10_000);
    expect(most).toBe(3);
    expect(queue.size()).toBe(0);
    await stop();
  });

  test('finishes the messages at hand when it is stopped, and receives no more', async () => {
    const finished: string[] = [];
    const { clock, queue, stop } = setUp(
      async ({ body }) => {
        await clock.sleep(5000);
        finished.push(body);
      },
      { concurrency: 2 },
    );
    await queue.send(['a', 'b', 'c']);
    await clock.sleep(1000);
    await stop();
    expect(finished).toEqual(['a', 'b']);
    expect(queue.size()).toBe(1);
  });

  test('releases messages at once when it gives up, without reporting an error', async () => {
    const giveUp = new AbortController();
    const { clock, queue, onError, stop } = setUp(
      (_, signal) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
      { giveUp: giveUp.signal },
    );
    await queue.send(['a']);
    await clock.sleep(1000);
    const stopped = stop();
    giveUp.abort();
    await stopped;
    expect(onError).not.toHaveBeenCalled();
    expect(await queue.receive({ maxMessages: 1, waitMs: 0 })).toMatchObject([{ body: 'a', receiveCount: 2 }]);
  });

  test('continues after the queue has failed for a while', async () => {
    const clock = createVirtualClock();
    const queue = createMemoryQueue({ clock, capacity: 10 });
    const stop = new AbortController();
    const seen: string[] = [];
    let failures = 3;
    const receive: typeof queue.receive = (options) => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(new Error('throttled')) : queue.receive(options);
    };
    const onError = vi.fn();
    const flow: Flow = async ({ body }) => void seen.push(body);
    const running = consume({
      queue: { ...queue, receive },
      flow,
      clock,
      signal: stop.signal,
      concurrency: 1,
      retryDelayMs,
      onError,
    });
    await queue.send(['a']);
    await clock.sleep(10_000);
    stop.abort();
    await running;
    expect(seen).toEqual(['a']);
    expect(onError).toHaveBeenCalledTimes(3);
  });
});

describe('a worker', () => {
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
      queue,
      clock,
      giveUp,
      flow: flow(clock),
      signal: stop.signal,
      drainMs: 90_000,
      retryDelayMs,
      consumers: options.consumers ?? 2,
      prefetch: options.prefetch ?? 4,
      onError: (error) => void errors.push(error),
    });
    return { clock, queue, stop, giveUp, errors, working };
  }
  it('holds at most `prefetch` messages in all consumers together', async () => {
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

  it('finishes the messages at hand when it is stopped', async () => {
    const { clock, queue, stop, working } = setUp((clock) => () => clock.sleep(60_000), { prefetch: 2 });
    await queue.send(['a', 'b', 'c', 'd']);
    await clock.sleep(1);
    stop.abort();
    await working;
    expect(queue.size()).toBe(2);
  });

  it('releases what it cannot finish during the drain, without reporting an error', async () => {
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

  it('processes a message whose neighbour ends the worker in each delivery', async () => {
    const clock = createVirtualClock();
    const queue = createMemoryQueue({ clock, capacity: 10 });
    await queue.send(['poison', 'good']);
    const done: string[] = [];
    for (let life = 0; life < 5; life++) {
      let dead = false;
      // After the worker's end, its calls have no effect.
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
        clock,
        retryDelayMs,
        consumers: 2,
        prefetch: 2,
        drainMs: 1,
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

  it('does nothing if it was stopped before it began', async () => {
    const clock = createVirtualClock();
    const queue = createMemoryQueue({ clock, capacity: 1 });
    await queue.send(['a']);
    const options = {
      queue,
      clock,
      giveUp: new AbortController(),
      retryDelayMs,
      consumers: 1,
      prefetch: 1,
      drainMs: 1,
    };
    await workUntilStopped({ ...options, flow: async () => {}, signal: AbortSignal.abort(), onError: () => {} });
    expect(queue.size()).toBe(1);
  });
});
