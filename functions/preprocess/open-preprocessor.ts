import { availableParallelism, tmpdir } from 'node:os';
import { createSemaphore } from '../../lib/async/semaphore.ts';
import { createEcsClient, createS3Client, createSnsClient, createSqsClient } from '../../lib/aws/clients.ts';
import { fetchModel } from '../../lib/aws/fetch-model.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { createSnsEventSink } from '../../lib/aws/sns-event-sink.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import { createServiceWaker, wakeOnSend } from '../../lib/aws/wake-service.ts';
import { openTokenizerFiles } from '../../lib/checkpoint/checkpoint.ts';
import { preprocessingHash } from '../../lib/checkpoint/preprocessing-hash.ts';
import type { PreprocessEnvironment } from '../../lib/contracts/environment.ts';
import { openDecoder } from '../../lib/decode/decoder-pool.ts';
import { createQuantizer } from '../../lib/image-gpt/quantizer.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { Flow } from '../../lib/pipeline/consumer.ts';
import { createTokenPacker } from '../../lib/pipeline/pack-tokens.ts';
import { createPreprocess } from '../../lib/pipeline/preprocess.ts';
import { createReceiveUploads } from '../../lib/pipeline/receive-uploads.ts';
import type { Queue } from '../../lib/ports/queue.ts';
import { DeploymentError } from '../open-ports.ts';
import type { Telemetry } from '../telemetry.ts';

export interface Preprocessor {
  /** Over an uploads queue. */
  flow: Flow;
  queueAt(url: string): Queue;
}

/** A batch fills its messages itself; this only bounds how long a picture can wait for a slow neighbour, milliseconds. */
const packingWaitMs = 5000;

/** Wires the first flow to AWS. */
export async function openPreprocessor(env: PreprocessEnvironment, telemetry: Telemetry): Promise<Preprocessor> {
  const [s3, sqs] = [createS3Client(), createSqsClient()];
  const model = await fetchModel({ client: s3, clock, location: env.MODEL_LOCATION, cache: tmpdir(), weights: false });
  const { preprocessing } = await openTokenizerFiles(model);
  if (preprocessing === undefined) {
    throw new DeploymentError('preprocessor_missing', `Expected preprocessor_config.json in ${env.MODEL_LOCATION}.`);
  }
  const { DECODERS: decoders = availableParallelism(), SCALED_DECODING: scaledDecoding } = env;
  const { DECODE_MEMORY_BYTES: maxMemoryBytes, DECODE_CHILD: childModule } = env;
  const decoder = openDecoder(preprocessing, {
    size: decoders,
    maxBytes: env.MAX_PICTURE_BYTES,
    maxPixels: env.MAX_PICTURE_PIXELS,
    timeoutMs: env.DECODE_TIMEOUT_MS,
    allowSvg: env.ALLOW_SVG,
    scaledDecoding,
    ...(maxMemoryBytes === undefined ? {} : { maxMemoryBytes }),
    ...(childModule === undefined ? {} : { childModule }),
  });

  const queue = { client: sqs, maxReceiveCount: env.MAX_RECEIVE_COUNT };
  const { ECS_CLUSTER: cluster, ECS_SERVICE: service } = env;
  const toTokens = createSqsQueue({ ...queue, url: env.TOKENS_QUEUE_URL });
  const tokens =
    cluster === undefined || service === undefined
      ? toTokens
      : wakeOnSend(toTokens, createServiceWaker({ client: createEcsClient(), cluster, service, clock }), (error) =>
          telemetry.logger.error('the service was not woken', { error: String(error) }),
        );
  const packer = createTokenPacker({
    ...{ queue: tokens, clock, maxWaitMs: packingWaitMs },
    preprocessing: preprocessingHash(preprocessing, scaledDecoding),
  });
  const input = createS3Store({ client: s3, bucket: env.INPUT_BUCKET, clock });
  const output = createS3Store({ client: s3, bucket: env.OUTPUT_BUCKET, clock, contentType: 'application/json' });
  const preprocess = createPreprocess({
    ...{ input, output, clock, decoder },
    model: env.MODEL_ID,
    events: createSnsEventSink({ client: createSnsClient(), topicArn: env.RESULTS_TOPIC_ARN }),
    observer: telemetry.observer,
    confirmSource: true,
    quantize: createQuantizer(preprocessing.palette),
    colors: preprocessing.palette.length / 3,
    packer,
    // One more for each child, so that none waits for a file.
    decoding: createSemaphore(2 * decoders),
    maxPictureBytes: env.MAX_PICTURE_BYTES,
  });
  const bucketEvents = { bucket: env.INPUT_BUCKET, input, output, model: env.MODEL_ID };
  return {
    flow: createReceiveUploads({ preprocess: packer.watch(preprocess), bucketEvents }),
    queueAt: (url) => createSqsQueue({ ...queue, url }),
  };
}
