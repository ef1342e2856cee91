import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { openCheckpoint, openTokenizerFiles } from '../../../lib/checkpoint/checkpoint.ts';
import type { JobRow } from '../../../lib/contracts/job.ts';
import { openDecoder } from '../../../lib/decode/decoder-pool.ts';
import { createQuantizer } from '../../../lib/image-gpt/quantizer.ts';
import { parquetShards } from '../../../lib/jobs/parquet/shard-file.ts';
import { openInputDirectory } from '../../../lib/local/input-directory.ts';
import type { Model } from '../../../lib/ports/model.ts';
import { openModel } from '../../../lib/runtime/model.ts';
import { blindModel } from '../blind-model.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, benchThreads } from '../context.ts';
import { interleave, median, side, timed } from '../interleave.ts';
import { measureJob } from '../job-memory.ts';
import { onOneCore } from '../one-core.ts';
import { pictureFolder } from '../pictures.ts';
import type { Row } from '../report.ts';
import { runJob } from '../run-job.ts';
import { igptS, scratchCheckpoint } from '../scratch-checkpoint.ts';

const middleLayer = igptS.n_layer / 2;

/** Largest allowed growth of memory: V8 keeps somewhat more garbage in a longer job. */
const maxGrowth = 1.2;

/** Data-set jobs: writing a shard, a job without a model, memory of long jobs, and a job against the bare model. */
export async function batch(context: BenchContext): Promise<Row[]> {
  return [
    await shard(context),
    ...(await tokenising(context)),
    await memoryGrowth(context),
    await againstModel(context),
  ];
}

/** Peak memory of a long job over that of a short one. The short one has five shards: up to three are in memory. */
async function memoryGrowth({ quick, say }: BenchContext): Promise<Row> {
  const shardSize = 1000;
  const [few, many] = [5 * shardSize, quick ? 20_000 : 1_000_000];
  const short = await measureJob({ pictures: few, shardSize });
  const long = await measureJob({ pictures: many, shardSize });
  say(`batch: ${many} rows in ${long.seconds.toFixed(0)} s`);
  return {
    suite: 'batch',
    name: `peak memory of ${many} generated rows; theirs ${few}`,
    unit: 'MB',
    ours: long.peak / 1e6,
    theirs: short.peak / 1e6,
    ratio: long.peak / short.peak,
    target: { value: maxGrowth, direction: 'at most' },
  };
}

async function shard({ rounds }: BenchContext): Promise<Row> {
  const features = Float32Array.from({ length: 10_000 + 512 }, (_, i) => Math.sin(i * 12.9898) * 4);
  const labels = Array.from({ length: 5 }, (_, index) => ({ label: `class ${index}`, index, probability: 0.2 }));
  const rows = Array.from(
    { length: 10_000 },
    (_, i): JobRow => ({
      key: `folder/${i}.jpg`,
      etag: `"${i}"`,
      width: 640,
      height: 427,
      label: 'class 0',
      probability: 0.2,
      top5: labels,
      features: features.subarray(i, i + 512),
      nats_per_token: i / 10_000,
      error_code: null,
    }),
  );
  const writing = side(1, () => timed(() => parquetShards.write(rows, {})));
  await interleave([writing], rounds);
  return {
    suite: 'batch',
    name: 'a shard of 10,000 rows with 512 features written',
    unit: 's',
    ours: median(writing.seconds),
    target: { value: 2, direction: 'at most' },
    seconds: { ours: writing.seconds },
  };
}

async function tokenising({ rounds, quick, scratch, say }: BenchContext): Promise<Row[]> {
  const count = quick ? 200 : 1000;
  const small = await smallPictures(join(scratch, `pngs-32x32-${count}`), count);
  const large = await pictureFolder(join(scratch, `pictures-640x427-${count}`), count, 640, 427);
  const checkpoint = await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS);
  const { preprocessing } = await openTokenizerFiles(checkpoint);
  if (preprocessing === undefined) throw new Error(`Expected a palette in ${checkpoint}, found none`);
  const model = blindModel(preprocessing);
  return onOneCore([process.pid], async (held) => {
    if (!held) say('batch: there is no taskset, so tokenising runs on any number of cores');
    const cases = [
      { name: '32x32 PNGs', folder: small, target: 400 },
      { name: '640x427 JPEGs', folder: large, target: 100 },
    ];
    const rows: Row[] = [];
    for (const { name, folder, target } of cases) {
      const one = side(count, () => job(folder, model, { decoders: 1, predicting: 8 }));
      await interleave([one], rounds);
      rows.push({
        suite: 'batch',
        name: `${count} ${name} through the whole job without a model, one core`,
        unit: 'pictures/s',
        ours: count / median(one.seconds),
        target: { value: target },
        seconds: { ours: one.seconds },
      });
    }
    return rows;
  });
}

async function againstModel({ rounds, quick, scratch }: BenchContext): Promise<Row> {
  const pictures = quick ? 48 : 1000;
  const folder = await pictureFolder(join(scratch, `pictures-640x427-${pictures}`), pictures, 640, 427);
  const checkpoint = await openCheckpoint(await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS));
  const model = await openModel(checkpoint, {
    outputs: ['features'],
    featureLayer: middleLayer,
    threads: benchThreads,
  });
  const { palette, ...recipe } = model.preprocessing;
  const quantize = createQuantizer(palette);
  const decoder = openDecoder(recipe);
  const tokens: Uint16Array[] = [];
  for (const name of await readdir(folder)) {
    tokens.push(quantize((await decoder.decode(await readFile(join(folder, name)))).rgb));
  }
  await decoder.close();
  const whole = side(pictures, () => job(folder, model, { decoders: benchThreads, predicting: model.concurrency }));
  const bare = side(pictures, () => timed(() => Promise.all(tokens.map((one) => model.predict(one)))));
  // A thousand pictures take minutes: one run is enough, and warming up would not change it.
  await interleave([whole, bare], quick ? rounds : 1, { warmUp: quick });
  await model.close();
  return comparison(
    {
      suite: 'batch',
      name: `batch of ${pictures} JPEGs of 640x427, S to layer ${middleLayer}, ${benchThreads} workers; theirs the bare model`,
      unit: 'pictures/s',
      // A short job spends most of its time in start and end.
      target: quick ? undefined : { value: 0.98 },
    },
    whole,
    bare,
  );
}

/** Seconds of a whole job, from an empty directory to its summary. */
async function job(
  folder: string,
  model: Model,
  { decoders, predicting }: { decoders: number; predicting: number },
): Promise<number> {
  const out = await mkdtemp(join(tmpdir(), 'igpt-bench-'));
  const decoder = openDecoder(model.preprocessing, { size: decoders });
  try {
    return await timed(async () => {
      const input = await openInputDirectory(folder);
      const atOnce = { decoding: 2 * decoders, predicting };
      await runJob({ input, name: folder, out, decoder, model, shardSize: 10_000, ...atOnce });
    });
  } finally {
    await decoder.close();
    await rm(out, { recursive: true, force: true });
  }
}

/** A folder of `count` different PNGs of 32x32, made once. */
async function smallPictures(directory: string, count: number): Promise<string> {
  const existing = await readdir(directory).catch(() => []);
  if (existing.length === count) return directory;
  const partial = `${directory}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  const source = join(import.meta.dirname, '../../fixtures/pictures/animals/cat.jpg');
  const all = await sharp(source)
    .resize(32 + count, 32, { fit: 'fill' })
    .png()
    .toBuffer();
  for (let i = 0; i < count; i += 1) {
    const part = sharp(all).extract({ left: i, top: 0, width: 32, height: 32 });
    await part.png().toFile(join(partial, `${String(i).padStart(4, '0')}.png`));
  }
  await rename(partial, directory);
  return directory;
}
