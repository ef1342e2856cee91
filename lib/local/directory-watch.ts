import { watch } from 'node:fs/promises';
import type { Clock } from '../ports/clock.ts';

export interface DirectoryWatchOptions {
  clock: Clock;
  /** Ends the watch. */
  signal: AbortSignal;
}

/** Changes within this time count as one (milliseconds). */
const debounceMs = 300;

/** Poll interval for changes that the system does not report, as on network shares (milliseconds). */
const watchingPollMs = 30_000;

/** Poll interval when the system cannot watch the directory (milliseconds). */
const blindPollMs = 2000;

/**
 * Yields when something in or below the directory may have changed. It does not say what, so the listener lists the
 * directory. Changes while the listener is busy count as one. If the system cannot watch (too many folders, an unusual
 * file system), it yields every two seconds.
 */
export async function* watchDirectory(root: string, options: DirectoryWatchOptions): AsyncGenerator<void> {
  const { clock, signal } = options;
  let pollMs = watchingPollMs;
  let wake = new AbortController();
  let changed = false;

  async function listen(): Promise<void> {
    try {
      for await (const _ of watch(root, { recursive: true, signal })) {
        changed = true;
        wake.abort();
      }
    } catch {
      // An abort ends up here too, but then nobody waits.
      pollMs = blindPollMs;
      wake.abort();
    }
  }

  signal.addEventListener('abort', () => wake.abort(), { once: true });
  void listen();
  while (!signal.aborted) {
    if (!changed) await clock.sleep(pollMs, wake.signal);
    // Woken without a change: the poll interval changed, so wait again.
    const waitAgain = wake.signal.aborted && !changed;
    wake = new AbortController();
    if (signal.aborted) return;
    if (waitAgain) continue;
    await clock.sleep(debounceMs, signal);
    if (signal.aborted) return;
    changed = false;
    yield;
  }
}
