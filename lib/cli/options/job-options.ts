import { Option } from 'commander';
import type { JobSettings } from '../../contracts/job.ts';
import type { JobSource } from '../../jobs/job-source.ts';
import type { LocalModel } from '../../runtime/model.ts';
import type { DecodingLimits } from './decode-option.ts';
import { integer, number } from './number-option.ts';

/** Rows of a shard: 20 MB with the 512 features of iGPT-S, which suits readers of Parquet. */
const defaultShardSize = 10_000;

/** More rows with the 1,536 features of iGPT-L would not fit in memory. */
const maxShardSize = 100_000;

export function shardSizeOption(): Option {
  return new Option('--shard-size <n>', 'rows of a shard; a killed run loses its incomplete shards')
    .default(defaultShardSize)
    .argParser(integer({ min: 1, max: maxShardSize }));
}

export function maxFailureRateOption(): Option {
  return new Option(
    '--max-failure-rate <share>',
    'stop when a larger share of the pictures fails (0 to 1; checked from 100 pictures on)',
  )
    .default(0.5)
    .argParser(number({ min: 0, max: 1 }));
}

/** The options that become settings of a job. */
export interface SettingsOptions
  extends DecodingLimits,
    Pick<JobSettings['model_options'], 'precision' | 'provider' | 'prepack'> {
  scaledDecoding: boolean;
  shardSize: number;
}

/** The settings of a new job. */
export function settingsOf(
  source: JobSource,
  model: Pick<LocalModel, 'id' | 'outputs' | 'featureLayer' | 'featureNorm' | 'input'>,
  options: SettingsOptions,
): JobSettings {
  const { allowSvg, maxMegapixels, maxMegabytes, scaledDecoding, prepack, precision, provider, shardSize } = options;
  return {
    store: source.place,
    source: source.name,
    model: model.id,
    model_options: {
      outputs: [...model.outputs],
      feature_layer: model.featureLayer,
      feature_norm: model.featureNorm,
      input: model.input,
      precision,
      provider,
      prepack,
      scaled_decoding: scaledDecoding,
    },
    decoding: { allow_svg: allowSvg, max_megapixels: maxMegapixels, max_megabytes: maxMegabytes },
    shard_size: shardSize,
  };
}
