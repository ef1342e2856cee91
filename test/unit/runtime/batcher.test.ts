import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BatcherOptions, createBatcher } from '../../../lib/runtime/batcher.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A batcher whose batches are finished by hand. */
function manual(options: Partial<BatcherOptions<number, string>> = {}) {
  const batches: { items: readonly number[]; finish: () => void; fail: (error: Error) => void }[] = [];
  const batcher = createBatcher<number, string>({
    maxBatch: 3,
    maxWaitMs: 10,
    workers: 1,
    maxInFlight: 2,
    run: (items) =>
      new Promise((resolve, reject) => {
        batches.push({ items, finish: () => resolve(items.map((item) => `r${item}`)), fail: reject });
      }),
    ...options,
  });
  return { batcher, batches, sizes: () => batches.map((batch) => batch.items.length) };
}

/** Lets promises settle, without any time passing. */
const settle = () => vi.advanceTimersByTimeAsync(0);

describe('a batcher', () => {
  it('hands over a full batch at once, in the order in which the items came', async () => {
    const { batcher, batches } = manual();
    const results = Promise.all([1, 2, 3].map((item) => batcher.submit(item)));

    expect(batches.map((batch) => batch.items)).toEqual([[1, 2, 3]]);
    batches[0]?.finish();
    expect(await results).toEqual(['r1', 'r2', 'r3']);
  });

  it('hands over what there is when the oldest item has waited long enough', async () => {
    const { batcher, batches } = manual();
    void batcher.submit(1);
    await vi.advanceTimersByTimeAsync(6);
    void batcher.submit(2);
    await vi.advanceTimersByTimeAsync(3);
    expect(batches).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(2);

    expect(batches.map((batch) => batch.items)).toEqual([[1, 2]]);
  });

  it('does not wait at all when it is told not to', () => {
    const { batcher, sizes } = manual({ maxWaitMs: 0 });
    void batcher.submit(1);

    expect(sizes()).toEqual([1]);
  });

  it('lets a batch that is not full grow while every worker is busy', async () => {
    const { batcher, batches, sizes } = manual({ maxWaitMs: 0 });
    void batcher.submit(1);
    void batcher.submit(2);
    await vi.advanceTimersByTimeAsync(1000);
    void batcher.submit(3);
    expect(sizes()).toEqual([1]);
    batches[0]?.finish();
    await settle();

    expect(sizes()).toEqual([1, 2]);
  });

  it('keeps full batches ready for the next free worker, but never more than it may', async () => {
    const { batcher, batches, sizes } = manual({ maxInFlight: 2 });
    for (let item = 0; item < 100; item++) {
      void batcher.submit(item);
    }
    await vi.advanceTimersByTimeAsync(1000);
    expect(sizes()).toEqual([3, 3]);
    batches[0]?.finish();
    await settle();

    expect(sizes()).toEqual([3, 3, 3]);
    expect(batches[2]?.items).toEqual([6, 7, 8]);
  });

  it('fails only the batch that failed', async () => {
    const { batcher, batches } = manual({ maxBatch: 2 });
    const results = Promise.allSettled([1, 2, 3, 4].map((item) => batcher.submit(item)));
    batches[0]?.fail(new Error('the worker died'));
    batches[1]?.finish();

    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
  });

  it('goes on after a failed batch', async () => {
    const { batcher, batches } = manual({ maxBatch: 1, maxInFlight: 1 });
    const first = batcher.submit(1);
    const second = batcher.submit(2);
    batches[0]?.fail(new Error('the worker died'));
    await expect(first).rejects.toThrow('the worker died');
    batches[1]?.finish();

    expect(await second).toBe('r2');
  });

  it('refuses a batch that comes back with another number of results', async () => {
    const { batcher } = manual({ run: async () => ['one'], maxWaitMs: 0, maxBatch: 2 });
    const results = await Promise.allSettled([batcher.submit(1), batcher.submit(2), batcher.submit(3)]);

    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('drains: hands over what waits without delay, takes nothing more, and ends when all is done', async () => {
    const { batcher, batches, sizes } = manual();
    const result = batcher.submit(1);
    const drained = vi.fn();
    const draining = batcher.drain().then(drained);
    expect(sizes()).toEqual([1]);
    await expect(batcher.submit(2)).rejects.toMatchObject({ code: 'model_closed' });
    await settle();
    expect(drained).not.toHaveBeenCalled();
    batches[0]?.finish();
    await draining;

    expect(await result).toBe('r1');
  });

  it('drains at once when nothing was submitted, and twice', async () => {
    const { batcher } = manual();

    await batcher.drain();
    await batcher.drain();
  });
});
