import type { Clock } from '../ports/clock.ts';
import type { FailureCode } from '../ports/error.ts';
import type { QueueMessage } from '../ports/queue.ts';

/** How the processing of one picture ended. Told when everything is done that its message must wait for. */
export type PictureEnd =
  | { end: 'succeeded'; key: string }
  | { end: 'failed'; key: string; code: FailureCode }
  /** The picture is gone (or is the marker of a folder): there is nothing to say about it. */
  | { end: 'gone'; key: string }
  /** Another version is current: that one has, or will get, a message of its own. */
  | { end: 'superseded'; key: string };

/** Watches the flows from outside. */
export interface FlowObserver {
  stages: Stages;
  /** A tokens message has come, with so many pictures. */
  received?(message: QueueMessage, pictures: number): void;
  /** A picture may end more than once: messages are delivered at least once. */
  ended(end: PictureEnd): void;
  /** True when the picture is known to have ended, event and all: a message that comes again may pass over it. Default: never. */
  hasEnded?(key: string): boolean;
  /** The error behind a failed outcome whose own message can't say it, because the picture is not to blame. */
  caught(key: string, error: unknown): void;
}

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
