import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { withInput } from '../checkpoint/class-input.ts';
import { modelId } from '../checkpoint/model-id.ts';
import { requirePreprocessing } from '../checkpoint/preprocessor-file.ts';
import { usedInput } from '../image-gpt/class-input.ts';
import type { ClassInput, FeatureNorm, OutputName, Precision } from '../ports/model.ts';
import { ModelError } from './error.ts';
import { inPrecision } from './precision.ts';
import { selectOutputs } from './select-outputs.ts';

/** Choices that are part of a model's id. Absent ones default to the checkpoint's. */
export interface ModelChoices {
  precision: Precision;
  scaledDecoding: boolean;
  outputs?: readonly OutputName[] | undefined;
  featureLayer?: number | undefined;
  featureNorm?: FeatureNorm | undefined;
  input?: ClassInput | undefined;
}

export interface IdentifiedModel {
  id: string;
  outputs: OutputName[];
  featureLayer: number;
  featureNorm: FeatureNorm;
  input: ClassInput;
}

/**
 * The id of a checkpoint with these choices, and the resulting settings, without opening it for inference. It reads all
 * weights.
 *
 * @throws ModelError, UsageError when the model cannot be opened with these choices
 */
export async function identifyModel(opened: Checkpoint, choices: ModelChoices): Promise<IdentifiedModel> {
  const checkpoint = withInput(opened, choices.input);
  const { name, config } = checkpoint;
  const { featureLayer = config.feature_layer, featureNorm = config.feature_norm, scaledDecoding } = choices;
  if (featureLayer > config.n_layer) {
    throw new ModelError(
      'layer_out_of_range',
      `Expected a feature layer from 0 to ${config.n_layer}, the layers of ${name}; received ${featureLayer}.`,
    );
  }
  requirePreprocessing(checkpoint.directory, checkpoint.preprocessing);
  const outputs = selectOutputs(checkpoint, choices.outputs);
  const { identity: precision } = await inPrecision(checkpoint, choices.precision);
  const id = await modelId(checkpoint, { precision, outputs, featureLayer, featureNorm, scaledDecoding });
  return { id, outputs, featureLayer, featureNorm, input: usedInput(checkpoint, outputs) };
}
