import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createS3Client } from '../../lib/aws/clients.ts';
import { fetchModel } from '../../lib/aws/fetch-model.ts';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { openCheckpoint, openTokenizerFiles } from '../../lib/checkpoint/checkpoint.ts';
import { logitsCost, paperParameters } from '../../lib/checkpoint/summary.ts';
import { jobDefinition } from '../../lib/contracts/environment.ts';
import { type FunctionModel, functionModelOf } from '../../lib/contracts/infer-function.ts';
import { folderPrefix, parseS3Location, type S3Location } from '../../lib/contracts/s3-location.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { functionModelFor } from '../../lib/operate/cost-model.ts';
import { printAnswer } from '../print-answer.ts';

// Prints what the stack must know of the model in MODEL_LOCATION before it can run in a function, as JSON. It reads no
// weights, so it can say that a model is too large before anything is read, uploaded or built.

const variables = jobDefinition.pick({
  MODEL_LOCATION: true,
  PRECISION: true,
  OUTPUTS: true,
  FEATURE_LAYER: true,
  INPUT: true,
});

type Chosen = Pick<ReturnType<typeof variables.parse>, 'PRECISION' | 'OUTPUTS' | 'FEATURE_LAYER' | 'INPUT'>;

async function ofDirectory(directory: string, chosen: Chosen): Promise<FunctionModel> {
  return functionModelFor(await openCheckpoint(directory), {
    precision: chosen.PRECISION,
    outputs: chosen.OUTPUTS,
    featureLayer: chosen.FEATURE_LAYER,
    input: chosen.INPUT,
  });
}

/** From config.json and the files' sizes alone, so it counts every output. */
async function ofPrefix(location: string, { bucket, path }: S3Location, chosen: Chosen): Promise<FunctionModel> {
  const client = createS3Client();
  const cache = await mkdtemp(join(tmpdir(), 'igpt-model-'));
  try {
    const { config } = await openTokenizerFiles(await fetchModel({ client, clock, location, cache, weights: false }));
    let bytes = 0;
    for await (const { key, size } of createS3Store({ client, bucket, clock }).list({ prefix: folderPrefix(path) })) {
      if (key.endsWith('.safetensors')) bytes += size;
    }
    // Plain classes need a pass of their own.
    const passes = (chosen.INPUT ?? config.input) === 'plain' ? 2 : 1;
    const gflop = (passes * logitsCost(config).causal) / 1e9;
    return functionModelOf({ gflop, parameters: paperParameters(config), bytes }, chosen.PRECISION);
  } finally {
    await rm(cache, { recursive: true, force: true });
    client.destroy();
  }
}

await printAnswer(async () => {
  const { MODEL_LOCATION: location, ...chosen } = readEnvironment(variables, process.env);
  const onS3 = parseS3Location(location);
  const model = onS3 === undefined ? await ofDirectory(location, chosen) : await ofPrefix(location, onS3, chosen);
  return JSON.stringify(model);
});
