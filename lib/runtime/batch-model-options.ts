import type { BatchSettings } from '../contracts/batch.ts';
import type { OpenModelOptions } from './model.ts';

/** What opens the model of a batch job again, besides its checkpoint. */
export function batchModelOptions({ model_options }: BatchSettings): OpenModelOptions {
  const { outputs, feature_layer, feature_norm, precision, provider, scaled_decoding, prepack } = model_options;
  return {
    ...{ outputs, precision, provider, prepack },
    featureLayer: feature_layer,
    featureNorm: feature_norm,
    scaledDecoding: scaled_decoding,
  };
}
