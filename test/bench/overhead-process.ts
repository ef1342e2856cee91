import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { openInference } from '../../functions/open-inference.ts';
import { openPreprocessor } from '../../functions/preprocess/open-preprocessor.ts';
import { createTelemetry } from '../../functions/telemetry.ts';
import { receiving } from '../../functions/worker/run-inference.ts';
import { createSemaphore } from '../../lib/async/semaphore.ts';
import { createS3Client } from '../../lib/aws/clients.ts';
import { gatherDeletions } from '../../lib/aws/gather-requests.ts';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { openTokenizerFiles } from '../../lib/checkpoint/checkpoint.ts';
import { preprocessingHash } from '../../lib/checkpoint/preprocessing-hash.ts';
import { retryDelayMs } from '../../lib/contracts/delivery.ts';
import { preprocessEnvironment, workerEnvironment } from '../../lib/contracts/environment.ts';
import { messageText } from '../../lib/contracts/message-text.ts';
import { openDecoder } from '../../lib/decode/decoder-pool.ts';
import { createQuantizer } from '../../lib/image-gpt/quantizer.ts';
import { packTokens } from '../../lib/image-gpt/token-packing.ts';
import { createMemoryQueue } from '../../lib/local/memory-queue.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { workUntilStopped } from '../../lib/pipeline/consumer.ts';
import { handleDelivery } from '../../lib/pipeline/handle-delivery.ts';
import { createInfer } from '../../lib/pipeline/infer.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import { overheadMessage, overheadModel, overheadPicture, pictures } from './overhead-model.ts';
import { stubEtag } from './stub-aws.ts';

// A deployed process that calls a stub of AWS and measures its own CPU time. The suite `overhead` starts it and
// receives the result as a message.

/** Number of pictures before the measurement, and during it. */
const warmUpPictures = 2000;
const measuredPictures = 6000;

/** Messages in one invocation of the function. */
const messagesPerInvocation = 100;

/** CPU milliseconds per picture. `run` calls `done` after each picture (or several) and returns when it gets true. */
async function measure(run: (done: (pictures?: number) => boolean) => Promise<void>): Promise<number> {
  let pictures = 0;
  let from: NodeJS.CpuUsage | undefined;
  let begun = 0;
  let cost = Number.NaN;
  await run((ended = 1) => {
    pictures += ended;
    if (from === undefined && pictures >= warmUpPictures) {
      from = process.cpuUsage();
      begun = pictures;
    } else if (from !== undefined && Number.isNaN(cost) && pictures - begun >= measuredPictures) {
      const { user, system } = process.cpuUsage(from);
      cost = (user + system) / 1000 / (pictures - begun);
    }
    return !Number.isNaN(cost);
  });
  return cost;
}

/** The whole worker, with a model that costs nothing. */
async function worker(): Promise<number> {
  const env = readEnvironment(workerEnvironment, process.env);
  const telemetry = createTelemetry({ service: 'worker', clock });
  const stop = new AbortController();
  return measure(async (done) => {
    const { ended } = telemetry.observer;
    telemetry.observer.ended = (end) => {
      ended(end);
      if (done()) stop.abort('done');
    };
    const { flow, queueAt } = openInference(env, overheadModel, telemetry);
    await workUntilStopped({
      queue: gatherDeletions(queueAt(env.TOKENS_QUEUE_URL, 60_000), clock),
      flow,
      clock,
      signal: stop.signal,
      giveUp: new AbortController(),
      retryDelayMs,
      onError: fail,
      ...receiving,
      visibilityMs: 60_000,
      drainMs: 60_000,
    });
    telemetry.flush();
  });
}

/** The worker's flow on ports that cost nothing: our own share, without the SDK. */
async function flowAlone(): Promise<number> {
  const telemetry = createTelemetry({ service: 'worker', clock });
  const object = { key: '', etag: stubEtag, size: 1, lastModified: new Date(0) };
  const store: ObjectStore = {
    list: async function* () {},
    head: async () => object,
    get: async () => ({ status: 'not_found' }),
    put: async () => ({ status: 'stored', etag: stubEtag }),
    delete: async () => {},
  };
  const flow = createInfer({
    clock,
    input: store,
    output: store,
    model: overheadModel,
    observer: telemetry.observer,
    confirmSource: true,
    events: { publish: async () => {} },
    uploads: createMemoryQueue({ clock, capacity: 1 }),
    preprocessing: preprocessingHash(overheadModel.preprocessing, false),
    predicting: createSemaphore(overheadModel.concurrency),
  });
  const body = overheadMessage();
  const message = { body, receipt: '', receiveCount: 1, lastReceive: false, sentAt: new Date() };
  return measure(async (done) => {
    while (!done(pictures)) await flow(message);
  });
}

/** The function, one invocation after the other. Decoding runs in child processes, which are not counted. */
async function preprocess(): Promise<number> {
  const env = readEnvironment(preprocessEnvironment, process.env);
  const { flow, queueAt } = await openPreprocessor(env, createTelemetry({ service: 'preprocess', clock }));
  const body = messageText({ schema_version: 1, type: 'reference', key: 'a/picture.png' });
  const messages = Array.from({ length: messagesPerInvocation }, (_, i) => ({
    body,
    receipt: String(i),
    receiveCount: 1,
    lastReceive: false,
    sentAt: new Date(),
  }));
  const signal = new AbortController().signal;
  return measure(async (done) => {
    const options = { queue: queueAt(env.UPLOADS_QUEUE_URL), flow, signal, retryDelayMs, onError: fail };
    while (!done(messages.length)) await handleDelivery(messages, options);
  });
}

/** The function's own share of decoding, and quantising to the palette. */
async function decoding(): Promise<number> {
  const env = readEnvironment(preprocessEnvironment, process.env);
  const { preprocessing } = await openTokenizerFiles(env.MODEL_LOCATION);
  if (preprocessing === undefined) throw new Error(`Expected a palette in ${env.MODEL_LOCATION}, found none`);
  const { palette, ...recipe } = preprocessing;
  const decoder = openDecoder(recipe, { size: env.DECODERS ?? 1 });
  const quantize = createQuantizer(palette);
  return measure(async (done) => {
    const one = async (): Promise<void> => {
      packTokens(quantize((await decoder.decode(overheadPicture)).rgb), palette.length / 3);
    };
    while (!done(messagesPerInvocation)) await Promise.all(Array.from({ length: messagesPerInvocation }, one));
    await decoder.close();
  });
}

/** One PUT and one HEAD of the bare SDK, eight at a time. */
async function bareSdk(): Promise<number> {
  const client = createS3Client();
  const Body = Buffer.alloc(6000, '0');
  return measure(async (done) => {
    const one = async (): Promise<void> => {
      await client.send(new PutObjectCommand({ Bucket: 'outcomes', Key: 'a', Body, IfNoneMatch: '*' }));
      await client.send(new HeadObjectCommand({ Bucket: 'pictures', Key: 'a' }));
    };
    while (!done(8)) await Promise.all(Array.from({ length: 8 }, one));
  });
}

function fail(error: unknown): void {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
}

const runs: Readonly<Record<string, () => Promise<number>>> = {
  worker,
  flow: flowAlone,
  preprocess,
  decoding,
  floor: bareSdk,
};
process.send?.(await runs[process.argv[2] ?? '']?.());
process.exit(0);
