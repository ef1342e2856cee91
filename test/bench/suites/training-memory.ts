import { join } from 'node:path';
import { type BenchContext, THREADS } from '../context.ts';
import { median } from '../interleave.ts';
import type { Row } from '../report.ts';
import { IGPT_S, scratchCheckpoint } from '../scratch-checkpoint.ts';
import { measureTraining } from '../training-memory.ts';

const GIGABYTE = 1e9;
const BATCH = 4;

/** Peak memory of training an iGPT-S with four pictures at once, and what recomputing activations costs. */
export async function trainingMemory({ scratch, say }: BenchContext): Promise<Row[]> {
  const directory = await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), IGPT_S);
  const measure = async (recompute: boolean) => {
    say(`training-memory: S, batch ${BATCH}${recompute ? ', recomputed' : ''} …`);
    const { peak, seconds } = await measureTraining({ directory, batch: BATCH, recompute, threads: THREADS, steps: 3 });
    return { peak: peak / GIGABYTE, seconds: median(seconds) };
  };
  const [plain, recomputed] = [await measure(false), await measure(true)];
  const common = { suite: 'training-memory', unit: 'GB' } as const;
  return [
    {
      ...common,
      name: 'S, 4 pictures at once',
      ours: plain.peak,
      target: { value: 12, direction: 'at most' },
      note: `peak of the whole process; ${plain.seconds.toFixed(1)} s a step`,
    },
    {
      ...common,
      name: 'the same, activations recomputed',
      ours: recomputed.peak,
      target: { value: 5, direction: 'at most' },
      note: `${recomputed.seconds.toFixed(1)} s a step`,
    },
    {
      suite: 'training-memory',
      unit: 's a step',
      name: 'recomputed; theirs everything kept',
      ours: recomputed.seconds,
      theirs: plain.seconds,
      ratio: recomputed.seconds / plain.seconds,
      target: { value: 1.35, direction: 'at most' },
    },
  ];
}
