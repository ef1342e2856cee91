import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { JobSettings } from '../contracts/job.ts';
import { UsageError } from '../ports/error.ts';
import { type LocalModel, type OpenModelOptions, openModel } from '../runtime/model.ts';

/** The options that a job opens its model with. */
export function jobModelOptions({ model_options }: JobSettings): OpenModelOptions {
  const { outputs, feature_layer, feature_norm, input, precision, provider, scaled_decoding, prepack } = model_options;
  return {
    outputs,
    precision,
    provider,
    prepack,
    featureLayer: feature_layer,
    featureNorm: feature_norm,
    input,
    scaledDecoding: scaled_decoding,
  };
}

/** The limits that a job decodes its pictures with, in the decoder's units. */
export function jobDecoding({ decoding, model_options }: JobSettings) {
  return {
    maxBytes: Math.floor(decoding.max_megabytes * 1e6),
    maxPixels: Math.floor(decoding.max_megapixels * 1e6),
    allowSvg: decoding.allow_svg,
    scaledDecoding: model_options.scaled_decoding,
  };
}

interface JobModel {
  /** `--model`, as the user wrote it. */
  model: string;
  workers: number;
}

/**
 * Opens the model of an existing job from the checkpoint that `--model` names.
 *
 * @throws UsageError when it is not the job's model
 */
export async function openJobModel(
  checkpoint: Checkpoint,
  settings: JobSettings,
  { model: name, workers }: JobModel,
): Promise<LocalModel> {
  const model = await openModel(checkpoint, {
    ...jobModelOptions(settings),
    ...(settings.model_options.provider === 'cpu' && { threads: workers }),
  });
  if (model.id === settings.model) return model;
  await model.close();
  throw new UsageError(
    `--model ${name}: expected ${settings.model}, the model of the job, received ${model.id}; give the directory of the job's model`,
  );
}
