import { availableParallelism } from 'node:os';
import type { Logger } from '@aws-lambda-powertools/logger';
import type { JobEnvironment } from '../../lib/contracts/environment.ts';
import type { Job } from '../../lib/contracts/job.ts';
import { openDecoder } from '../../lib/decode/decoder-pool.ts';
import type { ChildMachine } from '../../lib/jobs/array-child.ts';
import { jobModelOptions } from '../../lib/jobs/job-model.ts';
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
  const { decoding, model_options } = settings;
  const input = openPlace(settings.store);
  const model = await openDeployedModel({
    location: env.MODEL_LOCATION,
    cache: env.MODEL_CACHE,
    id: settings.model,
    options: jobModelOptions(settings),
    advice: 'submit a new job for the deployed model',
  });
  const maxPictureBytes = Math.floor(decoding.max_megabytes * 1e6);
  const decoder = openDecoder(model.preprocessing, {
    size: decoders,
    maxBytes: maxPictureBytes,
    maxPixels: Math.floor(decoding.max_megapixels * 1e6),
    allowSvg: decoding.allow_svg,
    scaledDecoding: model_options.scaled_decoding,
  });
  return {
    input,
    decoder,
    model,
    maxPictureBytes,
    // One more per child, so that no child waits for a file.
    decoding: 2 * decoders,
    predicting: model.concurrency,
    onError: (error, key) => logger.warn('trying again', { key, error: String(error) }),
    async [Symbol.asyncDispose]() {
      await decoder.close();
      await model.close();
    },
  };
}
