import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchDirectory } from '../../../lib/local/directory-watch.ts';
import { systemClock } from '../../../lib/local/system-clock.ts';
import type { Clock } from '../../../lib/ports/clock.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

/** Waits for changes like the system's clock, but not for further changes. */
const withoutDebounce: Clock = {
  ...systemClock,
  sleep: (ms, signal) => (ms < 1000 ? Promise.resolve() : systemClock.sleep(ms, signal)),
};

let root: string;
let stop: AbortController;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'igpt-watch-'));
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await rm(root, { recursive: true, force: true });
});

test('yields for a new file, also in a folder below', async () => {
  await mkdir(join(root, 'a'));
  const changes = watchDirectory(root, { clock: withoutDebounce, signal: stop.signal });
  for (const file of ['b.jpg', 'a/c.jpg']) {
    const next = changes.next();
    // The watch may not have started yet, so the file changes until the watch yields.
    const writing = setInterval(() => void writeFile(join(root, file), 'x').catch(() => {}), 20);
    expect(await next).toEqual({ done: false, value: undefined });
    clearInterval(writing);
  }
});

test('ends when the signal aborts', async () => {
  const changes = watchDirectory(root, { clock: systemClock, signal: stop.signal });
  const next = changes.next();
  stop.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});

test('yields at every poll interval without reported changes', async () => {
  const changes = watchDirectory(join(root, 'not there'), { clock: createVirtualClock(), signal: stop.signal });
  expect(await changes.next()).toEqual({ done: false, value: undefined });
  expect(await changes.next()).toEqual({ done: false, value: undefined });
});
