import { availableParallelism, tmpdir } from 'node:os';
import type { Logger } from '@aws-lambda-powertools/logger';
import { createS3Client } from '../../lib/aws/clients.ts';
import { fetchModel } from '../../lib/aws/fetch-model.ts';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import type { JobEnvironment } from '../../lib/contracts/environment.ts';
import type { Job } from '../../lib/contracts/job.ts';
import { openDecoder } from '../../lib/decode/decoder-pool.ts';
import type { ChildMachine } from '../../lib/jobs/array-child.ts';
import { jobModelOptions } from '../../lib/jobs/job-model.ts';
import { openPlace } from '../../lib/jobs/open-place.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { loadProvider } from '../../lib/runtime/load-provider.ts';
import { openModel } from '../../lib/runtime/model.ts';
import { DeploymentError } from '../open-ports.ts';

/** Decoding children, one a core: see openDecoder. */
const decoders = availableParallelism();

/**
 * Decoder and model of a job, as its settings say.
 *
 * @throws {DeploymentError} `model_mismatch` when the deployment has another model than the job
 */
export async function openBatchMachine(
  { MODEL_LOCATION: location, MODEL_CACHE: cache = tmpdir() }: JobEnvironment,
  { settings }: Job,
  logger: Logger,
): Promise<ChildMachine & AsyncDisposable> {
  const { decoding, model_options } = settings;
  const input = openPlace(settings.store);
  if (model_options.provider !== 'cpu') await loadProvider(model_options.provider);
  const directory = await fetchModel({ client: createS3Client(), clock, location, cache, weights: true });
  const model = await openModel(await openCheckpoint(directory), { ...jobModelOptions(settings), cache });
  if (model.id !== settings.model) {
    await model.close();
    throw new DeploymentError(
      'model_mismatch',
      `Expected the model ${settings.model} of the job at ${location}, found ${model.id}: submit a job of its own.`,
    );
  }
  const maxPictureBytes = Math.floor(decoding.max_megabytes * 1e6);
  const decoder = openDecoder(model.preprocessing, {
    size: decoders,
    maxBytes: maxPictureBytes,
    maxPixels: Math.floor(decoding.max_megapixels * 1e6),
    allowSvg: decoding.allow_svg,
    scaledDecoding: model_options.scaled_decoding,
  });
  return {
    ...{ input, decoder, model, maxPictureBytes },
    // One more for each decoding child, so that none waits for a file.
    decoding: 2 * decoders,
    predicting: model.concurrency,
    onError: (error, key) => logger.warn('trying again', { key, error: String(error) }),
    async [Symbol.asyncDispose]() {
      await decoder.close();
      await model.close();
    },
  };
}
