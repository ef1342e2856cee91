import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { jobDefinition } from '../../lib/contracts/environment.ts';
import { identifyModel } from '../../lib/runtime/identify-model.ts';
import { printAnswer } from '../print-answer.ts';

// Prints the model id that a worker with this environment computes for the checkpoint directory MODEL_LOCATION. The
// stack needs the id before a worker exists. It also learns here what a worker would refuse, before anything is
// deployed.

const variables = jobDefinition.pick({
  MODEL_LOCATION: true,
  SCALED_DECODING: true,
  PRECISION: true,
  OUTPUTS: true,
  FEATURE_LAYER: true,
  FEATURE_NORM: true,
  INPUT: true,
});

await printAnswer(async () => {
  const { MODEL_LOCATION, ...chosen } = readEnvironment(variables, process.env);
  const { id } = await identifyModel(await openCheckpoint(MODEL_LOCATION), {
    precision: chosen.PRECISION,
    scaledDecoding: chosen.SCALED_DECODING,
    outputs: chosen.OUTPUTS,
    featureLayer: chosen.FEATURE_LAYER,
    featureNorm: chosen.FEATURE_NORM,
    input: chosen.INPUT,
  });
  return id;
});
