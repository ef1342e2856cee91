import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { JobSettings } from '../contracts/job.ts';
import { UsageError } from '../ports/error.ts';
import { type LocalModel, type OpenModelOptions, openModel } from '../runtime/model.ts';

/** What opens the model of a batch job again, besides its checkpoint. */
export function jobModelOptions({ model_options }: JobSettings): OpenModelOptions {
  const { outputs, feature_layer, feature_norm, precision, provider, scaled_decoding, prepack } = model_options;
  return {
    ...{ outputs, precision, provider, prepack },
    featureLayer: feature_layer,
    featureNorm: feature_norm,
    scaledDecoding: scaled_decoding,
  };
}

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
  settings: JobSettings,
  { model: name, workers }: JobModel,
): Promise<LocalModel> {
  const model = await openModel(checkpoint, {
    ...jobModelOptions(settings),
    ...(settings.model_options.provider === 'cpu' && { workers }),
  });
  if (model.id === settings.model) return model;
  await model.close();
  throw new UsageError(
    `--model ${name} is ${model.id}, but the job was run with ${settings.model}; name the directory of that one`,
  );
}
