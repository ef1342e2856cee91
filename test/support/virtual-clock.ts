import type { Clock } from '../../lib/ports/clock.ts';

export interface VirtualClock extends Clock {
  /** Moves the time, as an administrator or a bad time server does; sleeps are not changed. */
  jump(ms: number): void;
  /** Ends time: nobody wakes any more. For worlds with processes that have died and don't know it. */
  stop(): void;
}

/** Steps of time in one turn of the event loop. */
const stepsPerTurn = 16;

/** A clock that jumps to the next wake-up as soon as nothing else is left to do: hours pass in a moment. */
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
    // Everything in these tests runs in microtasks, so all of it is done when this runs. A tick comes after them and is
    // ten times as fast as an immediate; but input and output, should there be any, must have their turn too.
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
