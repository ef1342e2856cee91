import type { WorkerEnvironment } from '../../lib/contracts/environment.ts';
import { gpuBatch } from '../../lib/runtime/gpu-batch.ts';
import type { LocalModel } from '../../lib/runtime/model.ts';
import { openDeployedModel } from '../open-model.ts';

/** Opens the model that the worker's environment names. Throws what {@link openDeployedModel} throws. */
export function openWorkerModel(env: WorkerEnvironment): Promise<LocalModel> {
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
      scaledDecoding: env.SCALED_DECODING,
      threads: env.WORKERS,
      maxBatch: env.PROVIDER === 'cuda' ? gpuBatch.worker : 1,
    },
    advice: 'deploy again, so that preprocess and worker expect the same model',
  });
}
