import type { Clock } from '../ports/clock.ts';
import type { Stages, StageWait } from './observer.ts';

/** A run stalls if no picture ends for this long although some wait (milliseconds). */
const stallMs = 60_000;

export interface Stall {
  /** Time since a picture ended (milliseconds). */
  stalledMs: number;
  /** What is being waited for, longest wait first. */
  waitingFor: StageWait[];
}

export interface StallWatch {
  /** A picture has ended. */
  moved(): void;
}

/** Reports a stall every 60 s in which no picture has ended although some wait, until `signal` aborts. */
export function watchForStalls(options: {
  clock: Clock;
  stages: Stages;
  signal: AbortSignal;
  onStall: (stall: Stall) => void;
}): StallWatch {
  const { clock, stages, signal, onStall } = options;
  let lastMove = clock.now().getTime();
  let lastReport = lastMove;
  void watch();
  return {
    moved() {
      lastMove = clock.now().getTime();
    },
  };

  async function watch(): Promise<void> {
    while (!signal.aborted) {
      const since = Math.max(lastMove, lastReport);
      await clock.sleep(Math.max(since + stallMs - clock.now().getTime(), stallMs / 60), signal);
      const now = clock.now().getTime();
      if (signal.aborted || now - Math.max(lastMove, lastReport) < stallMs) continue;
      lastReport = now;
      const waitingFor = stages.waits();
      if (waitingFor.length > 0) onStall({ stalledMs: now - lastMove, waitingFor });
      else lastMove = now;
    }
  }
}
