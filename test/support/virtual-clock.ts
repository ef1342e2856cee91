import type { Clock } from '../../lib/ports/clock.ts';

export interface VirtualClock extends Clock {
  /** Sets the clock forward or back, as a time server may do. Sleeps are not affected. */
  jump(ms: number): void;
  /** Stops time: no sleep ends any more. For tests that leave dead processes behind. */
  stop(): void;
}

/** Wake-ups in one turn of the event loop. */
const stepsPerTurn = 16;

/** A clock that jumps to the next wake-up as soon as nothing else is left to do, so that hours pass in a moment. */
export function createVirtualClock(start = Date.UTC(2026, 0, 1)): VirtualClock {
  let elapsed = 0;
  let offset = start;
  let scheduled = false;
  let stopped = false;
  let steps = 0;
  const sleepers = new Set<{ at: number; wake(): void }>();

  function schedule(): void {
    if (scheduled || stopped || sleepers.size === 0) return;
    scheduled = true;
    steps += 1;
    // These tests run in microtasks, and all of them are done when the next tick runs. A tick is ten times as fast as
    // an immediate, but only an immediate lets input and output proceed.
    if (steps % stepsPerTurn === 0) setImmediate(step);
    else queueMicrotask(() => process.nextTick(step));
  }

  function step(): void {
    scheduled = false;
    let first: { at: number; wake(): void } | undefined;
    for (const sleeper of sleepers) if (first === undefined || sleeper.at < first.at) first = sleeper;
    if (first === undefined) return;
    elapsed = Math.max(elapsed, first.at);
    first.wake();
    schedule();
  }

  return {
    now: () => new Date(offset + elapsed),
    jump(ms) {
      offset += ms;
    },
    stop() {
      stopped = true;
      sleepers.clear();
    },
    sleep(ms, signal) {
      if (signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const sleeper = {
          at: elapsed + Math.max(ms, 0),
          wake() {
            sleepers.delete(sleeper);
            signal?.removeEventListener('abort', sleeper.wake);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake, { once: true });
        schedule();
      });
    },
  };
}
