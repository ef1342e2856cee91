import type { Clock } from '../ports/clock.ts';
import type { FailureCode } from '../ports/error.ts';
import type { QueueMessage } from '../ports/queue.ts';

/** How a picture ended. Reported when its message may be deleted. */
export type PictureEnd =
  | { end: 'succeeded'; key: string }
  | { end: 'failed'; key: string; code: FailureCode }
  /** The picture is gone, or is none: a folder marker, or (`because`) an outcome of some stack. */
  | { end: 'gone'; key: string; because?: 'outcome' | undefined }
  /** Another version is current. It has, or will get, its own message. */
  | { end: 'superseded'; key: string };

/** What a process learns about its flows. */
export interface FlowObserver {
  stages: Stages;
  /** A tokens message was received; `pictures` is how many it holds. */
  received?(message: QueueMessage, pictures: number): void;
  /** May be called more than once for a picture, because messages are delivered at least once. */
  ended(end: PictureEnd): void;
  /**
   * True if the picture is known to have ended and its event published. A redelivered message then skips it. Default:
   * false.
   */
  hasEnded?(key: string): boolean;
  /** The error behind a failed outcome that is not the picture's fault. The outcome itself does not hold its text. */
  caught(key: string, error: unknown): void;
}

/** What a picture waits for. */
type Stage = 'listing' | 'reading' | 'decoding' | 'sending' | 'predicting' | 'storing' | 'publishing';

/** The pictures that wait in one stage now. */
export interface StageWait {
  stage: Stage;
  pictures: number;
  /** Key of the picture that has waited longest. */
  oldest: string;
  /** How long it has waited (milliseconds). */
  waitedMs: number;
}

/** Tracks what is being waited for, so that a stall can be explained. */
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
      // A Set keeps insertion order, so the first entry of a stage is the oldest.
      for (const { stage, key, since } of running) {
        const wait = byStage.get(stage);
        if (wait === undefined) byStage.set(stage, { stage, pictures: 1, oldest: key, waitedMs: now - since });
        else wait.pictures += 1;
      }
      return [...byStage.values()].sort((a, b) => b.waitedMs - a.waitedMs);
    },
  };
}
