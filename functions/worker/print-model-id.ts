import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { modelId } from '../../lib/checkpoint/model-id.ts';
import { workerEnvironment } from '../../lib/contracts/environment.ts';
import { ImageGptError } from '../../lib/image-gpt/error.ts';
import { selectOutputs } from '../../lib/runtime/outputs.ts';

// Prints the id that a worker with this environment computes for the checkpoint at MODEL_LOCATION, a directory: the
// stack names the model before there is a worker.

const variables = workerEnvironment.pick({
  MODEL_LOCATION: true,
  SCALED_DECODING: true,
  OUTPUTS: true,
  FEATURE_LAYER: true,
  FEATURE_NORM: true,
});

/** Number format of the worker's sessions. */
const precision = 'f32';

try {
  const { MODEL_LOCATION, SCALED_DECODING, OUTPUTS, FEATURE_LAYER, FEATURE_NORM } = variables.parse(process.env);
  const checkpoint = await openCheckpoint(MODEL_LOCATION);
  const id = await modelId(checkpoint, {
    precision,
    outputs: selectOutputs(checkpoint, OUTPUTS),
    featureLayer: FEATURE_LAYER ?? checkpoint.config.feature_layer,
    featureNorm: FEATURE_NORM ?? checkpoint.config.feature_norm,
    scaledDecoding: SCALED_DECODING,
  });
  process.stdout.write(`${id}\n`);
} catch (error) {
  if (!(error instanceof ImageGptError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
