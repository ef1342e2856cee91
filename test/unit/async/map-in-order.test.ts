import { expect, test } from 'vitest';
import { mapInOrder } from '../../../lib/async/map-in-order.ts';

test('yields results in the order of the items', async () => {
  const results = await Array.fromAsync(
    mapInOrder([3, 1, 2], 3, async (n) => {
      for (let turn = 0; turn < n; turn++) {
        await Promise.resolve();
      }
      return n * 10;
    }),
  );

  expect(results).toEqual([30, 10, 20]);
});

test('begins at most `concurrency` items that are not taken', async () => {
  let running = 0;
  let most = 0;
  for await (const _ of mapInOrder(
    Array.from({ length: 20 }, (_, i) => i),
    4,
    async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
    },
  )) {
    // Only counting.
  }

  expect(most).toBe(4);
});

test('rejects with the first failure', async () => {
  const results = mapInOrder([1, 2, 3], 2, async (n) => {
    if (n > 1) {
      throw new Error(`no ${n}`);
    }
    return n;
  });

  expect((await results.next()).value).toBe(1);
  await expect(results.next()).rejects.toThrow('no 2');
});
