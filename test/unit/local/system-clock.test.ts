import { expect, test } from 'vitest';
import { systemClock } from '../../../lib/local/system-clock.ts';

test('a sleep ends when its time is over', async () => {
  const before = systemClock.now().getTime();
  await systemClock.sleep(5);
  expect(systemClock.now().getTime()).toBeGreaterThanOrEqual(before + 4);
});

test('a sleep ends at once when it is aborted, without an error', async () => {
  const stop = new AbortController();
  const sleeping = systemClock.sleep(3_600_000, stop.signal);
  stop.abort();
  await expect(sleeping).resolves.toBeUndefined();
  await expect(systemClock.sleep(3_600_000, stop.signal)).resolves.toBeUndefined();
});
