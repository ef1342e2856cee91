import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { openTrainingSession } from '../../lib/runtime/training-session.ts';
import { randomTokens } from '../support/tiny-checkpoint.ts';
import { inOwnProcess } from './own-process.ts';

const request = z.object({
  directory: z.string(),
  /** Pictures that go through the model together. */
  batch: z.number(),
  recompute: z.boolean(),
  threads: z.number(),
  /** Number of timed steps, after one step to warm up. */
  steps: z.number(),
});

const report = z.object({
  /** Peak resident memory of the process (bytes). */
  peak: z.number(),
  /** Seconds of each timed step. */
  seconds: z.array(z.number()),
});

type TrainingRequest = z.infer<typeof request>;
type TrainingReport = z.infer<typeof report>;

/** Trains a checkpoint for a few steps in its own process, where nothing else takes memory. */
export async function measureTraining(options: TrainingRequest): Promise<TrainingReport> {
  return inOwnProcess(import.meta.filename, [JSON.stringify(options)], report);
}

async function train({ directory, batch, recompute, threads, steps }: TrainingRequest): Promise<TrainingReport> {
  const model = await openCheckpoint(directory);
  const session = await openTrainingSession(model, { loss: 'generative', microBatch: batch, recompute, threads });
  const tokens = randomTokens(1, batch * model.config.n_positions, model.config.n_colors);
  const seconds: number[] = [];
  for (let step = 1; step <= steps + 1; step++) {
    const start = performance.now();
    await session.step({ tokens }, { step, learningRate: 1e-4 });
    if (step > 1) seconds.push((performance.now() - start) / 1000);
  }
  await session.close();
  return { peak: process.resourceUsage().maxRSS * 1024, seconds };
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await train(request.parse(JSON.parse(process.argv[2] ?? '')))));
}
