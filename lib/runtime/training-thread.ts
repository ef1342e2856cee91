import { type Service, serve } from './thread-port.ts';
import {
  createTrainingLane,
  type TrainingLaneOptions,
  type TrainingResult,
  type TrainingTask,
} from './training-lane.ts';

await serve(async (options: TrainingLaneOptions): Promise<Service<null, TrainingTask, TrainingResult>> => {
  const lane = createTrainingLane(options);
  return { info: null, execute: lane.execute, close: lane.close };
});
