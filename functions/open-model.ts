import { tmpdir } from 'node:os';
import { createS3Client } from '../lib/aws/clients.ts';
import { fetchModel } from '../lib/aws/fetch-model.ts';
import { openCheckpoint } from '../lib/checkpoint/checkpoint.ts';
import { CheckpointError } from '../lib/checkpoint/error.ts';
import type { InferEnvironment, WorkerEnvironment } from '../lib/contracts/environment.ts';
import { parseS3Location } from '../lib/contracts/s3-location.ts';
import { systemClock as clock } from '../lib/local/system-clock.ts';
import { errorCode } from '../lib/ports/error.ts';
import { gpuBatch } from '../lib/runtime/gpu-batch.ts';
import { loadProvider } from '../lib/runtime/load-provider.ts';
import { type LocalModel, type OpenModelOptions, openModel } from '../lib/runtime/model.ts';
import { DeploymentError } from './open-ports.ts';

export interface DeployedModel {
  /** A directory, or `s3://bucket/prefix`. */
  location: string;
  /** Where a checkpoint from S3 is kept. Default: the system's temporary folder. */
  cache: string | undefined;
  /** The model id that the location must have. */
  id: string;
  options: Omit<OpenModelOptions, 'cache'>;
  /** What to do when the location has another model. */
  advice: string;
}

/**
 * Opens the model of a deployment. A copy of a model on S3 that is damaged, or is another model, is deleted and fetched
 * once more.
 *
 * @throws {RuntimeError} `provider_unavailable`, before the model is fetched: the message names what is missing
 * @throws {DeploymentError} `model_mismatch` when the location has another model
 */
export async function openDeployedModel(deployed: DeployedModel): Promise<LocalModel> {
  const { provider = 'cpu' } = deployed.options;
  if (provider !== 'cpu') await loadProvider(provider);
  try {
    return await openModelAt(deployed);
  } catch (error) {
    const fetched = parseS3Location(deployed.location) !== undefined;
    if (!fetched || !mayBeDamage(error)) throw error;
    return await openModelAt(deployed, { again: true });
  }
}

/** Whether a copy whose bytes changed can cause an error. Its hash differs, so that at least its id is another. */
function mayBeDamage(error: unknown): boolean {
  if (error instanceof CheckpointError) return error.code !== 'output_not_writable';
  return ['model_mismatch', 'session_failed'].includes(errorCode(error) ?? '');
}

async function openModelAt(deployed: DeployedModel, { again = false } = {}): Promise<LocalModel> {
  const { location, cache = tmpdir(), id, options, advice } = deployed;
  const directory = await fetchModel({ client: createS3Client(), clock, location, cache, weights: true, again });
  const model = await openModel(await openCheckpoint(directory), { ...options, cache });
  if (model.id === id) return model;
  await model.close();
  throw new DeploymentError('model_mismatch', `Expected the model ${id} at ${location}, found ${model.id}: ${advice}.`);
}

/** Opens the model that the environment names. Throws what {@link openDeployedModel} throws. */
export function openWorkerModel(env: WorkerEnvironment | InferEnvironment): Promise<LocalModel> {
  return openDeployedModel({
    location: env.MODEL_LOCATION,
    cache: env.MODEL_CACHE,
    id: env.MODEL_ID,
    options: {
      provider: env.PROVIDER,
      precision: env.PRECISION,
      outputs: env.OUTPUTS,
      featureLayer: env.FEATURE_LAYER,
      featureNorm: env.FEATURE_NORM,
      input: env.INPUT,
      scaledDecoding: env.SCALED_DECODING,
      threads: env.WORKERS,
      maxBatch: env.PROVIDER === 'cuda' ? gpuBatch.worker : 1,
    },
    advice: 'deploy again, so that all processes expect the same model',
  });
}
