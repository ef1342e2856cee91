import { moduleBeside } from '../files/module-beside.ts';
import { RuntimeError } from './error.ts';
import { openThreadPool } from './thread-pool.ts';
import {
  createTrainingLane,
  type TrainingLaneOptions,
  type TrainingResult,
  type TrainingTask,
} from './training-lane.ts';

/** Lanes that compute in parallel. Each executes its tasks in order. */
export interface TrainingLanes {
  /** @throws RuntimeError `input_invalid`, `run_failed` */
  execute(lane: number, task: TrainingTask): Promise<TrainingResult>;
  close(): Promise<void>;
}

/** Opens one lane in the calling thread, or several in threads of their own on shared memory. */
export async function openLanes(
  count: number,
  optionsOf: (lane: number) => TrainingLaneOptions,
): Promise<TrainingLanes> {
  if (count === 1) {
    const only = createTrainingLane(optionsOf(0));
    let last: Promise<unknown> = Promise.resolve();
    return {
      execute(_, task) {
        const result = last.then(() => only.execute(task));
        last = result.catch(() => undefined);
        return result;
      },
      close: only.close,
    };
  }
  const file = moduleBeside(import.meta.url, './training-thread');
  // One pool per lane: each lane has its own gradients, and the same lane always computes the same parts.
  const pools = await Promise.all(
    Array.from({ length: count }, (_, lane) =>
      openThreadPool<null, TrainingTask, TrainingResult>({ file, data: optionsOf(lane), threads: 1 }),
    ),
  );
  return {
    async execute(lane, task) {
      const result = pools[lane]?.execute(task) ?? Promise.reject(new RangeError(`Expected a lane below ${count}`));
      return result.catch((cause: unknown) => {
        throw new RuntimeError(
          'run_failed',
          'A training thread failed to compute its part of the batch; the cause says why.',
          { cause },
        );
      });
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}
