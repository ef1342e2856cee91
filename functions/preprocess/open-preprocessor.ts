import { availableParallelism, tmpdir } from 'node:os';
import { createSemaphore } from '../../lib/async/semaphore.ts';
import { createEcsClient, createS3Client } from '../../lib/aws/clients.ts';
import { fetchModel } from '../../lib/aws/fetch-model.ts';
import { createServiceWaker, wakeOnSend } from '../../lib/aws/wake-service.ts';
import { openTokenizerFiles } from '../../lib/checkpoint/checkpoint.ts';
import { preprocessingHash } from '../../lib/checkpoint/preprocessing-hash.ts';
import type { PreprocessEnvironment } from '../../lib/contracts/environment.ts';
import { decodingConcurrency, openDecoder } from '../../lib/decode/decoder-pool.ts';
import { createQuantizer } from '../../lib/image-gpt/quantizer.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { Flow } from '../../lib/pipeline/consumer.ts';
import { createTokenPacker } from '../../lib/pipeline/pack-tokens.ts';
import { createPreprocess } from '../../lib/pipeline/preprocess.ts';
import { createReceiveUploads } from '../../lib/pipeline/receive-uploads.ts';
import type { Preprocessing } from '../../lib/ports/model.ts';
import type { Queue } from '../../lib/ports/queue.ts';
import { DeploymentError, openPorts } from '../open-ports.ts';
import type { Telemetry } from '../telemetry.ts';

export interface Preprocessor {
  /** The flow for an uploads queue. */
  flow: Flow;
  queueAt(url: string): Queue;
}

/** Longest time that a picture waits for a slow neighbour of its delivery (milliseconds). */
const packingWaitMs = 5000;

/** Wires the preprocess flow to AWS. */
export async function openPreprocessor(env: PreprocessEnvironment, telemetry: Telemetry): Promise<Preprocessor> {
  const { MODEL_ID: model, DECODERS: decoders = availableParallelism(), SCALED_DECODING: scaledDecoding } = env;
  const { input, output, events, queueAt } = openPorts(env);
  const preprocessing = await fetchPreprocessing(env.MODEL_LOCATION);
  const { palette } = preprocessing;
  const packer = createTokenPacker({
    queue: wakeWorker(queueAt(env.TOKENS_QUEUE_URL), env, telemetry),
    clock,
    preprocessing: preprocessingHash(preprocessing, scaledDecoding),
    maxPictures: env.MAX_PICTURES_PER_MESSAGE,
    maxWaitMs: packingWaitMs,
  });
  const preprocess = createPreprocess({
    input,
    output,
    events,
    clock,
    model,
    packer,
    observer: telemetry.observer,
    confirmSource: true,
    decoder: openDecoder(preprocessing, {
      size: decoders,
      maxBytes: env.MAX_PICTURE_BYTES,
      maxPixels: env.MAX_PICTURE_PIXELS,
      allowSvg: env.ALLOW_SVG,
      scaledDecoding,
    }),
    quantize: createQuantizer(palette),
    colors: palette.length / 3,
    decoding: createSemaphore(decodingConcurrency({ size: decoders })),
    maxPictureBytes: env.MAX_PICTURE_BYTES,
  });
  const bucketEvents = { bucket: env.INPUT_BUCKET, input, output, model };
  return { flow: createReceiveUploads({ preprocess: packer.watch(preprocess), bucketEvents }), queueAt };
}

async function fetchPreprocessing(location: string): Promise<Preprocessing> {
  const client = createS3Client();
  const directory = await fetchModel({ client, clock, location, cache: tmpdir(), weights: false });
  const { preprocessing } = await openTokenizerFiles(directory);
  if (preprocessing !== undefined) return preprocessing;
  throw new DeploymentError('preprocessor_missing', `Expected preprocessor_config.json in ${location}.`);
}

/** The tokens queue. If the environment names the worker's service, each send makes sure that a worker runs. */
function wakeWorker(tokens: Queue, env: PreprocessEnvironment, { logger }: Telemetry): Queue {
  const { ECS_CLUSTER: cluster, ECS_SERVICE: service } = env;
  if (cluster === undefined || service === undefined) return tokens;
  const wake = createServiceWaker({ client: createEcsClient(), cluster, service, clock });
  return wakeOnSend(tokens, wake, (error) => logger.error('the service was not woken', { error: String(error) }));
}
