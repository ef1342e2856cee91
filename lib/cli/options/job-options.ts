import { Option } from 'commander';
import type { JobSettings } from '../../contracts/job.ts';
import type { JobSource } from '../../jobs/job-source.ts';
import type { LocalModel } from '../../runtime/model.ts';
import type { DecodeOptions, DecodingLimits } from './decode-option.ts';
import { integer, number } from './number-option.ts';

/** Rows of a shard: 20 MB with the 512 features of iGPT-S, a size that readers of Parquet like. */
const SHARD_SIZE = 10_000;

/** More rows would not fit in memory with L's 1,536 features. */
const MAX_SHARD_SIZE = 100_000;

export function shardSizeOption(): Option {
  return new Option('--shard-size <n>', 'rows of a shard: what is lost when a run is killed')
    .default(SHARD_SIZE)
    .argParser(integer({ min: 1, max: MAX_SHARD_SIZE }));
}

export function maxFailureRateOption(): Option {
  return new Option('--max-failure-rate <share>', 'stop when a larger share of the pictures fails, after the first 100')
    .default(0.5)
    .argParser(number({ min: 0, max: 1 }));
}

/** What the settings of a job are made from, besides its source and model. */
export interface SettingsOptions
  extends DecodingLimits,
    Pick<JobSettings['model_options'], 'precision' | 'provider' | 'prepack'> {
  scaledDecoding: boolean;
  shardSize: number;
}

export function settingsOf(
  source: JobSource,
  model: Pick<LocalModel, 'id' | 'outputs' | 'featureLayer' | 'featureNorm'>,
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
      ...{ precision, provider, prepack, scaled_decoding: scaledDecoding },
    },
    decoding: { allow_svg: allowSvg, max_megapixels: maxMegapixels, max_megabytes: maxMegabytes },
    shard_size: shardSize,
  };
}

/** The limits on decoding that a job was run with. */
export function jobDecoding(
  { decoding, model_options }: JobSettings,
  { decodeTimeout, decoders }: Pick<DecodeOptions, 'decodeTimeout' | 'decoders'>,
): DecodeOptions {
  return {
    ...{ decodeTimeout, decoders },
    scaledDecoding: model_options.scaled_decoding,
    allowSvg: decoding.allow_svg,
    maxMegapixels: decoding.max_megapixels,
    maxMegabytes: decoding.max_megabytes,
  };
}
