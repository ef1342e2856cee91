import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { FloatDtype } from '../../../lib/checkpoint/float-dtype.ts';
import { importCheckpoint } from '../../../lib/checkpoint/import/import-checkpoint.ts';
import { initCheckpoint } from '../../../lib/checkpoint/init-checkpoint.ts';
import { variantConfig } from '../../../lib/checkpoint/variants.ts';
import { listWeights } from '../../../lib/checkpoint/weights-by-role.ts';
import { type BenchContext, NANO } from '../context.ts';
import { median } from '../interleave.ts';
import { measureOpening, type OpeningReport } from '../open-checkpoint.ts';
import type { Row } from '../report.ts';
import { measureLayer } from '../run-layer.ts';

const MEBIBYTE = 2 ** 20;

/** Both copies of iGPT-L, and room for whoever else uses the disk. */
const DISK_BYTES = 12e9;

/** Seconds and own memory that opening iGPT-L with random weights takes (Linux only: it reads /proc). Removes it afterwards. */
export async function open(context: BenchContext): Promise<Row[]> {
  const { scratch, say } = context;
  if (process.platform !== 'linux') {
    say('open: left out, it can be measured on Linux only');
    return [];
  }
  const disk = await statfs(join(import.meta.dirname, '../../..'));
  if (disk.bavail * disk.bsize < DISK_BYTES) {
    say(`open: left out, it needs ${DISK_BYTES / 1e9} GB of disk`);
    return [];
  }
  const directories: Readonly<Record<'F32' | 'BF16', string>> = {
    F32: join(scratch, 'igpt-l-random'),
    BF16: join(scratch, 'igpt-l-random-bf16'),
  };
  try {
    say('open: making iGPT-L, 5.5 GB …');
    const config = variantConfig('L');
    const palette = join(NANO, 'preprocessor_config.json');
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

/** Blocks of XL that fit the disk and the time: each has 453 MB of weights. */
const XL_BLOCKS = 4;

/** XL with its depth cut, in shards: what features of a layer read, and what they keep. */
async function cutXl({ scratch, say }: BenchContext): Promise<Row[]> {
  const directory = join(scratch, 'igpt-xl-cut');
  try {
    say(`open: making ${XL_BLOCKS} blocks of iGPT-XL, 1.9 GB …`);
    await initCheckpoint(directory, {
      config: { ...variantConfig('XL'), n_layer: XL_BLOCKS, feature_layer: 2 },
      palette: join(NANO, 'preprocessor_config.json'),
      name: 'igpt-xl-cut',
      force: true,
      shardBytes: 1e9,
    });
    const rows: Row[] = [];
    for (const layer of [1, XL_BLOCKS]) {
      const { opened, own, mapped, seconds } = await measureLayer(directory, layer);
      const needed = await neededBytes(directory, layer);
      const name = `XL cut to ${XL_BLOCKS} blocks, features of layer ${layer}`;
      rows.push(
        {
          suite: 'open',
          name: `${name}: own memory when opened; theirs those weights`,
          unit: 'MiB',
          ours: opened / MEBIBYTE,
          theirs: needed / MEBIBYTE,
          ratio: opened / needed,
          target: { value: 0.2, direction: 'at most' },
          note: `a picture took ${seconds.toFixed(1)} s and ${(own / MEBIBYTE).toFixed(0)} MiB of its own`,
        },
        {
          suite: 'open',
          name: `${name}: weights read; theirs those needed`,
          unit: 'MiB',
          ours: mapped / MEBIBYTE,
          theirs: needed / MEBIBYTE,
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
      name: `L in ${dtype}, ${what}: own memory; theirs those weights in f32`,
      unit: 'MiB',
      ours: first / MEBIBYTE,
      theirs: needed / MEBIBYTE,
      ratio: first / needed,
      target: { value: dtype === 'F32' ? 0.2 : 1.2, direction: 'at most' },
    },
  ];
}

/** Weights that the outputs need, as float32, bytes. */
async function neededBytes(directory: string, layer: number | undefined): Promise<number> {
  const { weights } = await openCheckpoint(directory);
  const { lmHead: _, ...features } = weights;
  const used = layer === undefined ? weights : { ...features, blocks: weights.blocks.slice(0, layer) };
  return listWeights(used).reduce((sum, { shape }) => sum + 4 * shape.reduce((product, size) => product * size, 1), 0);
}
