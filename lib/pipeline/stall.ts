import type { Clock } from '../ports/clock.ts';
import type { Stages, StageWait } from './observer.ts';

/** Nothing has finished for a while. */
export interface Stall {
  /** How long, milliseconds. */
  stalledMs: number;
  /** What is being waited for, longest wait first. */
  waitingFor: StageWait[];
}

export interface StallWatch {
  /** Something has finished. */
  moved(): void;
}

/** Reports every `stallMs` in which nothing has finished though something waits, until `signal` aborts. */
export function watchForStalls(options: {
  clock: Clock;
  stages: Stages;
  stallMs: number;
  signal: AbortSignal;
  onStall: (stall: Stall) => void;
}): StallWatch {
  const { clock, stages, stallMs, signal, onStall } = options;
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
