import { watch } from 'node:fs/promises';
import type { Clock } from '../ports/clock.ts';

export interface DirectoryWatchOptions {
  clock: Clock;
  /** Ends the watch. */
  signal: AbortSignal;
  /** Changes that come within this time are one, milliseconds. Default 300. */
  debounceMs?: number;
  /** How often a change is assumed where the system reports none (network shares), milliseconds. Default 30 s. */
  pollMs?: number;
}

/** The pause after which changes are assumed where the system cannot watch at all, milliseconds. */
const blindPollMs = 2000;

/**
 * Yields when something in the directory, or below it, may have changed. It says no more than that: whoever listens
 * lists the directory. While a listener is busy, changes add up to one. Where the system cannot watch (too many
 * folders, an exotic file system), it yields every two seconds.
 */
export async function* watchDirectory(root: string, options: DirectoryWatchOptions): AsyncGenerator<void> {
  const { clock, signal, debounceMs = 300 } = options;
  let { pollMs = 30_000 } = options;
  let wake = new AbortController();
  let changed = false;

  async function listen(): Promise<void> {
    try {
      for await (const _ of watch(root, { recursive: true, signal })) {
        changed = true;
        wake.abort();
      }
    } catch {
      // Ends with an abort too; then nobody waits.
      pollMs = Math.min(pollMs, blindPollMs);
      wake.abort();
    }
  }

  signal.addEventListener('abort', () => wake.abort(), { once: true });
  void listen();
  while (!signal.aborted) {
    if (!changed) await clock.sleep(pollMs, wake.signal);
    // Woken without a change: the way of waiting is another one now.
    const again = wake.signal.aborted && !changed;
    wake = new AbortController();
    if (signal.aborted) return;
    if (again) continue;
    await clock.sleep(debounceMs, signal);
    if (signal.aborted) return;
    changed = false;
    yield;
  }
}
