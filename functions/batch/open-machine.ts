import { availableParallelism } from 'node:os';
import type { Logger } from '@aws-lambda-powertools/logger';
import type { JobEnvironment } from '../../lib/contracts/environment.ts';
import type { Job } from '../../lib/contracts/job.ts';
import { decodingConcurrency, openDecoder } from '../../lib/decode/decoder-pool.ts';
import type { ChildMachine } from '../../lib/jobs/array-child.ts';
import { jobDecoding, jobModelOptions } from '../../lib/jobs/job-model.ts';
import { openPlace } from '../../lib/jobs/open-place.ts';
import { openDeployedModel } from '../open-model.ts';

/** One decoder child per core; see openDecoder. */
const decoders = availableParallelism();

/**
 * Opens decoder and model as the settings of the job say.
 *
 * @throws {DeploymentError} `model_mismatch` when the deployment has another model than the job
 */
export async function openBatchMachine(
  env: JobEnvironment,
  { settings }: Job,
  logger: Logger,
): Promise<ChildMachine & AsyncDisposable> {
  const input = await openPlace(settings.store);
  const model = await openDeployedModel({
    location: env.MODEL_LOCATION,
    cache: env.MODEL_CACHE,
    id: settings.model,
    options: jobModelOptions(settings),
    advice: 'submit a new job for the deployed model',
  });
  const decoding = { ...jobDecoding(settings), size: decoders };
  const decoder = openDecoder(model.preprocessing, decoding);
  return {
    input,
    decoder,
    model,
    maxPictureBytes: decoding.maxBytes,
    decoding: decodingConcurrency(decoding),
    predicting: model.concurrency,
    onError: (error, key) => logger.warn('trying again', { key, error: String(error) }),
    async [Symbol.asyncDispose]() {
      await decoder.close();
      await model.close();
    },
  };
}
