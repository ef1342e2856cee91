import type { JobSettings } from '../../lib/contracts/job.ts';
import { parquetShards } from '../../lib/jobs/parquet/shard-file.ts';
import { planJob } from '../../lib/jobs/plan-job.ts';
import { runShards } from '../../lib/jobs/run-shards.ts';
import { openOutputDirectory } from '../../lib/local/output-directory.ts';
import { systemClock } from '../../lib/local/system-clock.ts';
import type { Model } from '../../lib/ports/model.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { PictureDecoder } from '../../lib/ports/picture-decoder.ts';

interface BenchJob {
  input: ObjectStore;
  /** Name of the input in the job's settings. */
  name: string;
  /** An empty directory. */
  out: string;
  decoder: PictureDecoder;
  model: Model;
  /** Rows in a shard. */
  shardSize: number;
  /** Pictures read and decoded at once. */
  decoding: number;
  /** Pictures in the model at once. */
  predicting: number;
}

/** Runs a whole job, from the listing to its summary. */
export async function runJob({ input, name, out, decoder, model, shardSize, ...atOnce }: BenchJob): Promise<void> {
  const output = await openOutputDirectory(out, { plainNames: true });
  const settings: JobSettings = {
    store: name,
    source: name,
    model: model.id,
    shard_size: shardSize,
    model_options: {
      outputs: [...model.outputs],
      feature_layer: model.featureLayer,
      feature_norm: model.featureNorm,
      input: 'sos',
      precision: 'f32',
      provider: 'cpu',
      scaled_decoding: false,
      prepack: false,
    },
    decoding: { allow_svg: false, max_megapixels: 100, max_megabytes: 50 },
  };
  const job = await planJob({ output, settings, pictures: input.list() });
  const { summary } = await runShards({
    input,
    output,
    job,
    decoder,
    model,
    format: parquetShards,
    clock: systemClock,
    maxPictureBytes: 50_000_000,
    maxFailureRate: 0,
    signal: new AbortController().signal,
    ...atOnce,
  });
  if (summary?.failed !== 0) throw new Error(`Expected every picture to succeed: ${JSON.stringify(summary)}`);
}
