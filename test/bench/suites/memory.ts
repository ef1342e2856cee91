import { join } from 'node:path';
import { type BenchContext, benchThreads, nanoDirectory } from '../context.ts';
import { igptRun } from '../igpt-run.ts';
import { median } from '../interleave.ts';
import { measureOpening } from '../open-checkpoint.ts';
import { pictureFolder } from '../pictures.ts';
import type { Row } from '../report.ts';
import { igptL, igptS, scratchCheckpoint, sparseCheckpoint } from '../scratch-checkpoint.ts';

const mebibyte = 2 ** 20;
/**
 * Largest allowed growth of memory. V8 keeps about 10 % more garbage in a longer run, and no more than that in 6,000
 * pictures. A leak of 50 KB or more for each picture would exceed this.
 */
const maxGrowth = 1.2;

/** Peak memory of short and long runs, and private memory of an open checkpoint (Linux only: it reads /proc). */
export async function memory(context: BenchContext): Promise<Row[]> {
  if (process.platform !== 'linux') {
    context.say('memory: skipped, because it needs Linux');
    return [];
  }
  return [await memoryGrowth(context), ...(await opening(context))];
}

/** Peak memory of a long run over that of a short one. */
async function memoryGrowth({ rounds, quick, scratch }: BenchContext): Promise<Row> {
  const [few, many] = quick ? [50, 500] : [200, 2000];
  const short = await pictureFolder(join(scratch, `pictures-320x240-${few}`), few, 320, 240);
  const long = await pictureFolder(join(scratch, `pictures-320x240-${many}`), many, 320, 240);
  const options = ['--model', nanoDirectory, '--workers', String(benchThreads)];
  const peaks: { short: number; long: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const one = await igptRun(short, options, { watchMemory: true });
    const other = await igptRun(long, options, { watchMemory: true });
    peaks.push({ short: one.peakBytes / mebibyte, long: other.peakBytes / mebibyte });
  }
  return {
    suite: 'memory',
    name: `igpt run, ${many} pictures; theirs the same with ${few}`,
    unit: 'MiB',
    ours: median(peaks.map((peak) => peak.long)),
    theirs: median(peaks.map((peak) => peak.short)),
    ratio: median(peaks.map((peak) => peak.long / peak.short)),
    target: { value: maxGrowth, direction: 'at most' },
    note: 'peak resident memory of the process and its decoding children together; shared pages count for each',
  };
}

/** Private memory of an open checkpoint over the size of its weights. */
async function opening({ scratch }: BenchContext): Promise<Row[]> {
  const checkpoints: { name: string; directory: string }[] = [
    { name: 'S', directory: await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS) },
    { name: 'L (all zero, a sparse file)', directory: await sparseCheckpoint(join(scratch, 'igpt-l-sparse'), igptL) },
  ];
  const rows: Row[] = [];
  for (const { name, directory } of checkpoints) {
    const { weights, seconds, first, further } = await measureOpening(directory);
    rows.push({
      suite: 'memory',
      name: `opening ${name} for all layers, private memory; theirs the weights`,
      unit: 'MiB',
      ours: first / mebibyte,
      theirs: weights / mebibyte,
      ratio: first / weights,
      target: { value: 0.2, direction: 'at most' },
      note: `opened in ${seconds.toFixed(2)} s; each further session takes ${(further / mebibyte).toFixed(1)} MiB`,
    });
  }
  return rows;
}
