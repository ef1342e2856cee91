import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { modelId } from '../../lib/checkpoint/model-id.ts';
import { workerEnvironment } from '../../lib/contracts/environment.ts';
import { ImageGptError } from '../../lib/image-gpt/error.ts';
import { ModelError } from '../../lib/runtime/model-error.ts';
import { selectOutputs } from '../../lib/runtime/outputs.ts';
import { inPrecision } from '../../lib/runtime/precision.ts';

// Prints the id that a worker with this environment computes for the checkpoint at MODEL_LOCATION, a directory: the
// stack names the model before there is a worker.

const variables = workerEnvironment.pick({
  MODEL_LOCATION: true,
  SCALED_DECODING: true,
  PRECISION: true,
  OUTPUTS: true,
  FEATURE_LAYER: true,
  FEATURE_NORM: true,
});

try {
  const { MODEL_LOCATION, SCALED_DECODING, PRECISION, OUTPUTS, ...features } = variables.parse(process.env);
  const checkpoint = await openCheckpoint(MODEL_LOCATION);
  const { name, config, preprocessing } = checkpoint;
  const { FEATURE_LAYER: featureLayer = config.feature_layer, FEATURE_NORM: featureNorm = config.feature_norm } =
    features;
  // What else the worker would refuse, when it is too late.
  if (featureLayer > config.n_layer) {
    const layers = `from 0 to ${config.n_layer}, the layers of ${name}`;
    throw new ModelError('layer_out_of_range', `Expected a feature layer ${layers}; received ${featureLayer}.`);
  }
  if (preprocessing === undefined) {
    throw new ModelError(
      'preprocessing_missing',
      `Expected preprocessor_config.json in ${name}: it cannot read pictures.`,
    );
  }
  const outputs = selectOutputs(checkpoint, OUTPUTS);
  const { identity: precision } = await inPrecision(checkpoint, PRECISION);
  const choices = { precision, outputs, featureLayer, featureNorm, scaledDecoding: SCALED_DECODING };
  process.stdout.write(`${await modelId(checkpoint, choices)}\n`);
} catch (error) {
  if (!(error instanceof ImageGptError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
