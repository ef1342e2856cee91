import { join } from 'node:path';
import { type BenchContext, benchThreads } from '../context.ts';
import { median } from '../interleave.ts';
import type { Row } from '../report.ts';
import { igptS, scratchCheckpoint } from '../scratch-checkpoint.ts';
import { measureTraining } from '../training-memory.ts';

const gigabyte = 1e9;
const batchSize = 4;

/** Peak memory of training iGPT-S with a batch of four, and the time that recomputing activations costs. */
export async function trainingMemory({ scratch, say }: BenchContext): Promise<Row[]> {
  const directory = await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS);
  const measure = async (recompute: boolean) => {
    say(`training-memory: S, batch ${batchSize}${recompute ? ', recomputed' : ''} …`);
    const { peak, seconds } = await measureTraining({
      directory,
      batch: batchSize,
      recompute,
      threads: benchThreads,
      steps: 3,
    });
    return { peak: peak / gigabyte, seconds: median(seconds) };
  };
  const [plain, recomputed] = [await measure(false), await measure(true)];
  const common = { suite: 'training-memory', unit: 'GB' } as const;
  return [
    {
      ...common,
      name: 'S, 4 pictures at once',
      ours: plain.peak,
      target: { value: 12, direction: 'at most' },
      note: `peak of the whole process; ${plain.seconds.toFixed(1)} s per step`,
    },
    {
      ...common,
      name: 'the same, activations recomputed',
      ours: recomputed.peak,
      target: { value: 5, direction: 'at most' },
      note: `${recomputed.seconds.toFixed(1)} s per step`,
    },
    {
      suite: 'training-memory',
      unit: 's/step',
      name: 'recomputed; theirs all activations kept',
      ours: recomputed.seconds,
      theirs: plain.seconds,
      ratio: recomputed.seconds / plain.seconds,
      target: { value: 1.35, direction: 'at most' },
    },
  ];
}
