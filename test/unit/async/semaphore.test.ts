import { expect, test } from 'vitest';
import { createSemaphore } from '../../../lib/async/semaphore.ts';

/** Work that a test ends. */
function createWork() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = {
    begun: false,
    resolve,
    run() {
      work.begun = true;
      return promise;
    },
  };
  return work;
}

test('runs at most `limit` pieces of work at once, the others in order', async () => {
  const semaphore = createSemaphore(2);
  const works = Array.from({ length: 4 }, createWork);
  const runs = works.map(({ run }) => semaphore.run(run));
  const begun = () => works.map((work) => work.begun);
  await Promise.resolve();
  expect(begun()).toEqual([true, true, false, false]);
  works[1]?.resolve();
  await runs[1];
  await Promise.resolve();
  expect(begun()).toEqual([true, true, true, false]);
  for (const work of works) work.resolve();
  await Promise.all(runs);
});

test('frees the place when work fails', async () => {
  const semaphore = createSemaphore(1);
  await expect(semaphore.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await semaphore.run(async () => 'yes')).toBe('yes');
});

test('rejects waiting work when its signal aborts, and no other', async () => {
  const semaphore = createSemaphore(1);
  const first = createWork();
  const running = semaphore.run(first.run);
  const stop = new AbortController();
  const waiting = semaphore.run(async () => 'never', stop.signal);
  const patient = semaphore.run(async () => 'in the end');
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  first.resolve();
  await running;
  expect(await patient).toBe('in the end');
  await expect(semaphore.run(async () => 'never', stop.signal)).rejects.toThrow('stopped');
});
