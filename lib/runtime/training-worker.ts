import {
  createTrainingLane,
  type TrainingLaneOptions,
  type TrainingResult,
  type TrainingTask,
} from './training-lane.ts';
import { type Service, serve } from './worker-port.ts';

await serve(async (options: TrainingLaneOptions): Promise<Service<null, TrainingTask, TrainingResult>> => {
  const lane = createTrainingLane(options);
  return { info: null, run: lane.run, close: lane.close };
});
