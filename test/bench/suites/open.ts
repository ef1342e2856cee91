import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { FloatDtype } from '../../../lib/checkpoint/float-dtype.ts';
import { importCheckpoint } from '../../../lib/checkpoint/import/import-checkpoint.ts';
import { initCheckpoint } from '../../../lib/checkpoint/init-checkpoint.ts';
import { variantConfig } from '../../../lib/checkpoint/variants.ts';
import { listWeights } from '../../../lib/checkpoint/weights-by-role.ts';
import { type BenchContext, nanoDirectory } from '../context.ts';
import { median } from '../interleave.ts';
import { measureOpening, type OpeningReport } from '../open-checkpoint.ts';
import type { Row } from '../report.ts';
import { measureLayer } from '../run-layer.ts';

const mebibyte = 2 ** 20;

/** Free disk space that the suite needs: both copies of iGPT-L, and a reserve. */
const neededDiskBytes = 12e9;

/**
 * Time and private memory of opening iGPT-L with random weights (Linux only: it reads /proc). Removes it afterwards.
 */
export async function open(context: BenchContext): Promise<Row[]> {
  const { scratch, say } = context;
  if (process.platform !== 'linux') {
    say('open: skipped, because it needs Linux');
    return [];
  }
  const disk = await statfs(join(import.meta.dirname, '../../..'));
  if (disk.bavail * disk.bsize < neededDiskBytes) {
    say(`open: skipped, because it needs ${neededDiskBytes / 1e9} GB of free disk space`);
    return [];
  }
  const directories: Readonly<Record<'F32' | 'BF16', string>> = {
    F32: join(scratch, 'igpt-l-random'),
    BF16: join(scratch, 'igpt-l-random-bf16'),
  };
  try {
    say('open: making iGPT-L, 5.5 GB …');
    const config = variantConfig('L');
    const palette = join(nanoDirectory, 'preprocessor_config.json');
    await initCheckpoint(directories.F32, { config, palette, name: 'igpt-l', force: true });
    await importCheckpoint(directories.F32, directories.BF16, { dtype: 'BF16', force: true });
    const rows: Row[] = [];
    for (const dtype of ['F32', 'BF16'] as const) {
      for (const layer of [config.feature_layer, undefined]) {
        rows.push(...(await opening(context, dtype, directories[dtype], layer)));
      }
    }
    return [...rows, ...(await cutXl(context))];
  } finally {
    for (const directory of Object.values(directories)) await rm(directory, { recursive: true, force: true });
  }
}

/** Number of XL's blocks that are made, to limit disk space and time: each has 453 MB of weights. */
const xlBlocks = 4;

/** A shortened XL in shards: the weights that features of a layer read, and the memory that they keep. */
async function cutXl({ scratch, say }: BenchContext): Promise<Row[]> {
  const directory = join(scratch, 'igpt-xl-cut');
  try {
    say(`open: making ${xlBlocks} blocks of iGPT-XL, 1.9 GB …`);
    await initCheckpoint(directory, {
      config: { ...variantConfig('XL'), n_layer: xlBlocks, feature_layer: 2 },
      palette: join(nanoDirectory, 'preprocessor_config.json'),
      name: 'igpt-xl-cut',
      force: true,
      shardBytes: 1e9,
    });
    const rows: Row[] = [];
    for (const layer of [1, xlBlocks]) {
      const { opened, own, mapped, seconds } = await measureLayer(directory, layer);
      const needed = await neededBytes(directory, layer);
      const name = `XL cut to ${xlBlocks} blocks, features of layer ${layer}`;
      rows.push(
        {
          suite: 'open',
          name: `${name}: private memory when opened; theirs its weights`,
          unit: 'MiB',
          ours: opened / mebibyte,
          theirs: needed / mebibyte,
          ratio: opened / needed,
          target: { value: 0.2, direction: 'at most' },
          note: `a picture took ${seconds.toFixed(1)} s and ${(own / mebibyte).toFixed(0)} MiB of private memory`,
        },
        {
          suite: 'open',
          name: `${name}: weights read; theirs the weights needed`,
          unit: 'MiB',
          ours: mapped / mebibyte,
          theirs: needed / mebibyte,
          ratio: mapped / needed,
          target: { value: 1.1, direction: 'at most' },
        },
      );
    }
    return rows;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function opening(
  { rounds }: BenchContext,
  dtype: FloatDtype,
  directory: string,
  layer: number | undefined,
): Promise<Row[]> {
  const what = layer === undefined ? 'all layers' : `features of layer ${layer}`;
  const needed = await neededBytes(directory, layer);
  const reports: OpeningReport[] = [];
  for (let round = 0; round < rounds; round++) reports.push(await measureOpening(directory, { layer, further: 0 }));
  const first = median(reports.map((report) => report.first));
  return [
    {
      suite: 'open',
      name: `L in ${dtype}, ${what}`,
      unit: 's',
      ours: median(reports.map(({ seconds }) => seconds)),
      target: { value: 10, direction: 'at most' },
      seconds: { ours: reports.map(({ seconds }) => seconds) },
    },
    {
      suite: 'open',
      name: `L in ${dtype}, ${what}: private memory; theirs its weights in f32`,
      unit: 'MiB',
      ours: first / mebibyte,
      theirs: needed / mebibyte,
      ratio: first / needed,
      target: { value: dtype === 'F32' ? 0.2 : 1.2, direction: 'at most' },
    },
  ];
}

/** Size of the weights that the outputs need, as float32 (bytes). */
async function neededBytes(directory: string, layer: number | undefined): Promise<number> {
  const { weights } = await openCheckpoint(directory);
  const { lmHead: _, ...features } = weights;
  const used = layer === undefined ? weights : { ...features, blocks: weights.blocks.slice(0, layer) };
  return listWeights(used).reduce((sum, { shape }) => sum + 4 * shape.reduce((product, size) => product * size, 1), 0);
}
