import { join } from 'node:path';
import { type BenchContext, NANO, THREADS } from '../context.ts';
import { igptRun } from '../igpt-run.ts';
import { median } from '../interleave.ts';
import { measureOpening } from '../open-checkpoint.ts';
import { pictureFolder } from '../pictures.ts';
import type { Row } from '../report.ts';
import { IGPT_L, IGPT_S, scratchCheckpoint, sparseCheckpoint } from '../scratch-checkpoint.ts';

const MEBIBYTE = 2 ** 20;
/**
 * A longer run lets V8 leave more garbage lying before it collects it (about a tenth more, and no more in 6,000
 * pictures); anything kept for each picture would show beyond this from 50 KB on.
 */
const FLAT = 1.2;

/** Peak memory of short and long runs, and what an open checkpoint keeps for itself (Linux only: it reads /proc). */
export async function memory(context: BenchContext): Promise<Row[]> {
  if (process.platform !== 'linux') {
    context.say('memory: left out, it can be measured on Linux only');
    return [];
  }
  return [await flatness(context), ...(await opening(context))];
}

/** Ratio: the long run's peak over the short one's. */
async function flatness({ rounds, quick, scratch }: BenchContext): Promise<Row> {
  const [few, many] = quick ? [50, 500] : [200, 2000];
  const short = await pictureFolder(join(scratch, `pictures-320x240-${few}`), few, 320, 240);
  const long = await pictureFolder(join(scratch, `pictures-320x240-${many}`), many, 320, 240);
  const options = ['--model', NANO, '--workers', String(THREADS)];
  const peaks: { short: number; long: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const one = await igptRun(short, options, { watchMemory: true });
    const other = await igptRun(long, options, { watchMemory: true });
    peaks.push({ short: one.peakBytes / MEBIBYTE, long: other.peakBytes / MEBIBYTE });
  }
  return {
    suite: 'memory',
    name: `igpt run, ${many} pictures; theirs the same with ${few}`,
    unit: 'MiB',
    ours: median(peaks.map((peak) => peak.long)),
    theirs: median(peaks.map((peak) => peak.short)),
    ratio: median(peaks.map((peak) => peak.long / peak.short)),
    target: { value: FLAT, direction: 'at most' },
    note: 'largest sum over the process and its decoding children of their resident memory (pages that they share count for each)',
  };
}

/** Ratio: what it takes for itself over the size of the weights. */
async function opening({ scratch }: BenchContext): Promise<Row[]> {
  const checkpoints: { name: string; directory: string }[] = [
    { name: 'S', directory: await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), IGPT_S) },
    { name: 'L (all zero, a sparse file)', directory: await sparseCheckpoint(join(scratch, 'igpt-l-sparse'), IGPT_L) },
  ];
  const rows: Row[] = [];
  for (const { name, directory } of checkpoints) {
    const { weights, seconds, first, further } = await measureOpening(directory);
    rows.push({
      suite: 'memory',
      name: `opening ${name} for all layers, own memory; theirs the weights`,
      unit: 'MiB',
      ours: first / MEBIBYTE,
      theirs: weights / MEBIBYTE,
      ratio: first / weights,
      target: { value: 0.2, direction: 'at most' },
      note: `opened in ${seconds.toFixed(2)} s; each further session takes ${(further / MEBIBYTE).toFixed(1)} MiB`,
    });
  }
  return rows;
}
