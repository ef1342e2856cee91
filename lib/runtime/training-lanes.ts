import { RuntimeError } from './error.ts';
import { openThreadPool } from './thread-pool.ts';
import {
  createTrainingLane,
  type TrainingLaneOptions,
  type TrainingResult,
  type TrainingTask,
} from './training-lane.ts';

/** Lanes that compute at the same time; the tasks of one lane follow each other. */
export interface TrainingLanes {
  /** @throws RuntimeError `input_invalid`, `run_failed` */
  run(lane: number, task: TrainingTask): Promise<TrainingResult>;
  close(): Promise<void>;
}

/** One lane runs in the calling thread, several in worker threads on shared memory. */
export async function openLanes(
  count: number,
  optionsOf: (lane: number) => TrainingLaneOptions,
): Promise<TrainingLanes> {
  if (count === 1) {
    const only = createTrainingLane(optionsOf(0));
    let last: Promise<unknown> = Promise.resolve();
    return {
      run(_, task) {
        const result = last.then(() => only.run(task));
        last = result.catch(() => undefined);
        return result;
      },
      close: only.close,
    };
  }
  const file = new URL('./training-thread.ts', import.meta.url);
  // A pool for each lane: a lane's gradients are its own, and always the same parts make the same bits.
  const pools = await Promise.all(
    Array.from({ length: count }, (_, lane) =>
      openThreadPool<null, TrainingTask, TrainingResult>({ file, data: optionsOf(lane), workers: 1 }),
    ),
  );
  return {
    async run(lane, task) {
      const result = pools[lane]?.run(task) ?? Promise.reject(new RangeError(`Expected a lane below ${count}`));
      return result.catch((cause: unknown) => {
        throw new RuntimeError('run_failed', 'A training thread failed to run its part of the batch.', { cause });
      });
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}
