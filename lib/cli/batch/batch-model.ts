import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { BatchSettings } from '../../contracts/batch.ts';
import { batchModelOptions } from '../../runtime/batch-model-options.ts';
import { type LocalModel, openModel } from '../../runtime/model.ts';
import type { DecodeOptions } from '../options/decode-option.ts';
import { UsageError } from '../usage-error.ts';

interface JobModel {
  /** `--model`, as the user wrote it. */
  model: string;
  workers: number;
}

/**
 * Opens the model of a job again from what `--model` names, with the options that the job was run with.
 *
 * @throws UsageError when that is another one
 */
export async function openJobModel(
  checkpoint: Checkpoint,
  settings: BatchSettings,
  { model: name, workers }: JobModel,
): Promise<LocalModel> {
  const model = await openModel(checkpoint, {
    ...batchModelOptions(settings),
    ...(settings.model_options.provider === 'cpu' && { workers }),
  });
  if (model.id === settings.model) return model;
  await model.close();
  throw new UsageError(
    `--model ${name} is ${model.id}, but the job was run with ${settings.model}; name the directory of that one`,
  );
}

/** The limits on decoding that a job was run with. */
export function jobDecoding(
  { decoding, model_options }: BatchSettings,
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
