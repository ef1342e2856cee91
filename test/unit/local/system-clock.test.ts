import { expect, test } from 'vitest';
import { systemClock } from '../../../lib/local/system-clock.ts';

test('a sleep ends after its time', async () => {
  const before = systemClock.now().getTime();
  await systemClock.sleep(5);
  expect(systemClock.now().getTime()).toBeGreaterThanOrEqual(before + 4);
});

test('an aborted sleep ends at once, without an error', async () => {
  const stop = new AbortController();
  const sleeping = systemClock.sleep(3_600_000, stop.signal);
  stop.abort();
  await expect(sleeping).resolves.toBeUndefined();
  await expect(systemClock.sleep(3_600_000, stop.signal)).resolves.toBeUndefined();
});
