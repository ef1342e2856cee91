import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { modelId } from '../checkpoint/model-id.ts';
import { requirePreprocessing } from '../checkpoint/preprocessor-file.ts';
import type { FeatureNorm, OutputName, Precision } from '../ports/model.ts';
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
}

export interface IdentifiedModel {
  id: string;
  outputs: OutputName[];
  featureLayer: number;
  featureNorm: FeatureNorm;
}

/**
 * The id of a checkpoint with these choices, and the resulting settings, without opening it for inference. It reads all
 * weights.
 *
 * @throws ModelError when the model cannot be opened with these choices
 */
export async function identifyModel(checkpoint: Checkpoint, choices: ModelChoices): Promise<IdentifiedModel> {
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
  return { id, outputs, featureLayer, featureNorm };
}
