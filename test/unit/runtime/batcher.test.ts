import { describe, expect, it, vi } from 'vitest';
import { type BatcherOptions, createBatcher } from '../../../lib/runtime/batcher.ts';

/** A batcher whose batches the test finishes. */
function manual(options: Partial<BatcherOptions<number, string>> = {}) {
  const batches: { items: readonly number[]; finish: () => void; fail: (error: Error) => void }[] = [];
  const batcher = createBatcher<number, string>({
    maxBatch: 3,
    threads: 1,
    maxInFlight: 2,
    perform: (items) =>
      new Promise((resolve, reject) => {
        batches.push({ items, finish: () => resolve(items.map((item) => `r${item}`)), fail: reject });
      }),
    ...options,
  });
  const submit = (...items: number[]) => items.map((item) => batcher.submit(item));
  return { batcher, batches, submit, sizes: () => batches.map((batch) => batch.items.length) };
}

/** Lets promises settle. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a batcher', () => {
  it('hands an item to an idle thread at once', () => {
    const { submit, sizes } = manual();
    submit(1);

    expect(sizes()).toEqual([1]);
  });

  it('hands an item to each idle thread', () => {
    const { submit, batches } = manual({ threads: 2 });
    submit(1, 2, 3);

    expect(batches.map((batch) => batch.items)).toEqual([[1], [2]]);
  });

  it('hands over a full batch at once, in the order of submission', async () => {
    const { batches, submit } = manual();
    const results = Promise.all(submit(1, 2, 3, 4));

    expect(batches.map((batch) => batch.items)).toEqual([[1], [2, 3, 4]]);
    for (const batch of batches) batch.finish();
    expect(await results).toEqual(['r1', 'r2', 'r3', 'r4']);
  });

  it('lets a batch that is not full grow while every thread is busy', async () => {
    const { batches, submit, sizes } = manual();
    submit(1, 2);
    await settle();
    submit(3);
    expect(sizes()).toEqual([1]);
    batches[0]?.finish();
    await settle();

    expect(sizes()).toEqual([1, 2]);
  });

  it('keeps a full batch ready for the next free thread, but no more than it may', async () => {
    const { batches, submit, sizes } = manual({ maxInFlight: 2 });
    submit(...Array.from({ length: 100 }, (_, i) => i));
    await settle();
    expect(sizes()).toEqual([1, 3]);
    batches[0]?.finish();
    await settle();

    expect(sizes()).toEqual([1, 3, 3]);
    expect(batches[2]?.items).toEqual([4, 5, 6]);
  });

  it('fails only the items of a failed batch', async () => {
    const { batches, submit } = manual({ maxBatch: 2 });
    const results = Promise.allSettled(submit(1, 2, 3));
    batches[0]?.finish();
    batches[1]?.fail(new Error('the thread stopped'));

    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('continues after a failed batch', async () => {
    const { batcher, batches } = manual({ maxBatch: 1, maxInFlight: 1 });
    const first = batcher.submit(1);
    const second = batcher.submit(2);
    batches[0]?.fail(new Error('the thread stopped'));
    await expect(first).rejects.toThrow('the thread stopped');
    batches[1]?.finish();

    expect(await second).toBe('r2');
  });

  it('fails a batch with the wrong number of results', async () => {
    const { submit } = manual({ perform: async () => ['one'], maxBatch: 2 });
    const results = await Promise.allSettled(submit(1, 2, 3));

    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('drains: refuses new items, and ends when all submitted ones are finished', async () => {
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

  it('drains at once when nothing was submitted, also a second time', async () => {
    const { batcher } = manual();

    await expect(batcher.drain()).resolves.toBeUndefined();
    await expect(batcher.drain()).resolves.toBeUndefined();
  });
});
