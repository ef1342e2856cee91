import type { Clock } from './ports.ts';

/** What a picture can wait for. */
type Stage = 'listing' | 'reading' | 'decoding' | 'sending' | 'predicting' | 'storing' | 'publishing';

/** Everything that waits in one stage now. */
export interface StageWait {
  stage: Stage;
  pictures: number;
  /** Key of the picture that has waited longest, and for how long. */
  oldest: string;
  waitedMs: number;
}

/** Knows what is being waited for, so that a stall can be named. */
export interface Stages {
  run<T>(stage: Stage, key: string, work: () => Promise<T>): Promise<T>;
  /** Longest wait first. */
  waits(): StageWait[];
}

export function createStages(clock: Clock): Stages {
  const running = new Set<{ stage: Stage; key: string; since: number }>();
  return {
    async run(stage, key, work) {
      const entry = { stage, key, since: clock.now().getTime() };
      running.add(entry);
      try {
        return await work();
      } finally {
        running.delete(entry);
      }
    },
    waits() {
      const now = clock.now().getTime();
      const byStage = new Map<Stage, StageWait>();
      // A Set keeps the order of insertion, so the first of a stage is its oldest.
      for (const { stage, key, since } of running) {
        const wait = byStage.get(stage);
        if (wait === undefined) byStage.set(stage, { stage, pictures: 1, oldest: key, waitedMs: now - since });
        else wait.pictures += 1;
      }
      return [...byStage.values()].sort((a, b) => b.waitedMs - a.waitedMs);
    },
  };
}
