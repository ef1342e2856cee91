import { tmpdir } from 'node:os';
import { createS3Client } from '../lib/aws/clients.ts';
import { fetchModel } from '../lib/aws/fetch-model.ts';
import { openCheckpoint } from '../lib/checkpoint/checkpoint.ts';
import type { WorkerEnvironment } from '../lib/contracts/environment.ts';
import { systemClock as clock } from '../lib/local/system-clock.ts';
import { loadProvider } from '../lib/runtime/load-provider.ts';
import { type LocalModel, openModel } from '../lib/runtime/model.ts';
import { DeploymentError } from './open-ports.ts';

/** Pictures handed to a GPU's session at once, so that it does not wait for messages between threads. */
const gpuBatch = 64;

/**
 * Opens the model that the environment names.
 *
 * @throws {RuntimeError} `provider_unavailable`, which names what is missing, before the model is fetched
 * @throws {DeploymentError} `model_mismatch` when it is another one than the rest of the deployment expects
 */
export async function openDeployedModel(env: WorkerEnvironment): Promise<LocalModel> {
  const { MODEL_LOCATION: location, MODEL_CACHE: cache = tmpdir(), PROVIDER: provider, SCALED_DECODING } = env;
  const { OUTPUTS: outputs, FEATURE_LAYER: featureLayer, FEATURE_NORM: featureNorm, WORKERS: workers } = env;
  if (provider !== 'cpu') await loadProvider(provider);
  const directory = await fetchModel({ client: createS3Client(), clock, location, cache, weights: true });
  const model = await openModel(await openCheckpoint(directory), {
    provider,
    precision: env.PRECISION,
    cache,
    scaledDecoding: SCALED_DECODING,
    maxBatch: env.MAX_BATCH ?? (provider === 'cuda' ? gpuBatch : 1),
    ...(outputs === undefined ? {} : { outputs }),
    ...(featureLayer === undefined ? {} : { featureLayer }),
    ...(featureNorm === undefined ? {} : { featureNorm }),
    ...(workers === undefined ? {} : { workers }),
  });
  if (model.id === env.MODEL_ID) return model;
  await model.close();
  throw new DeploymentError(
    'model_mismatch',
    `Expected the model ${env.MODEL_ID} at ${location}, found ${model.id}: deploy again, so that both halves know the same.`,
  );
}
