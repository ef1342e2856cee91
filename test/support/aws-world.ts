import { gatherDeletions, gatherEvents } from '../../lib/aws/gather.ts';
import type { PipelineEvent } from '../../lib/contracts/event.ts';
import { messageText } from '../../lib/contracts/message-text.ts';
import { createQuantizer } from '../../lib/image-gpt/nearest-color.ts';
import { createFullMessages } from '../../lib/pipeline/full-messages.ts';
import { handleBatch } from '../../lib/pipeline/handle-batch.ts';
import { createInfer } from '../../lib/pipeline/infer.ts';
import type { QueueMessage } from '../../lib/pipeline/ports.ts';
import { createPreprocess } from '../../lib/pipeline/preprocess.ts';
import { createReceiveUploads } from '../../lib/pipeline/receive-uploads.ts';
import { createSemaphore } from '../../lib/pipeline/semaphore.ts';
import { createStages } from '../../lib/pipeline/stages.ts';
import { createTokenPacker } from '../../lib/pipeline/token-packer.ts';
import { workUntilStopped } from '../../lib/pipeline/work-until-stopped.ts';
import { createFakeDecoder, createFakeModel, fakePreprocessing } from './fake-model.ts';
import { type Fault, faultyDecoder, faultyModel, faultyQueue, faultySink, faultyStore } from './faulty-ports.ts';
import type { World } from './pipeline-world.ts';

// The two deployed processes, wired as functions/ wires them, over a world in memory.

/** A process that can be told to end. */
export interface AwsProcess {
  /** Finishes what is at hand. */
  stop(): Promise<void>;
}

/** Puts or deletes a picture; the bucket announces it as S3 does. */
export async function change(world: World, key: string, text: string | undefined): Promise<void> {
  if (text === undefined) {
    await world.input.delete(key);
    return announce(world, 'ObjectRemoved:Delete', key);
  }
  const put = await world.input.put(key, new TextEncoder().encode(text));
  await announce(world, 'ObjectCreated:Put', key, put.status === 'stored' ? put.etag : undefined);
}

/** A notification of S3: form-encoded key, ETag without quotes. */
export async function announce(world: World, eventName: string, key: string, etag?: string): Promise<void> {
  const encoded = encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
  const object = { key: encoded, ...(etag === undefined ? {} : { eTag: etag.replaceAll('"', '') }) };
  const record = { eventSource: 'aws:s3', eventName, s3: { bucket: { name: 'pictures' }, object } };
  await world.uploads.send([messageText({ Records: [record] })]);
}

function ports(world: World, fault: Fault) {
  const { clock, published } = world;
  return {
    input: faultyStore(world.input, 'input', fault),
    output: faultyStore(world.output, 'output', fault),
    events: faultySink<PipelineEvent>({ publish: async (events) => void published.push(...events) }, fault),
    clock,
    confirmSource: true,
    observer: { stages: createStages(clock), ended: () => {}, caught: () => {} },
  };
}

/** Time limit of the function, milliseconds. */
const functionMs = 120_000;

/** The preprocess function, one batch after the other, and the event source mapping in front of it. */
export function startFunction(world: World, fault: Fault): AwsProcess {
  const { clock } = world;
  const common = ports(world, fault);
  const model = createFakeModel();
  const tokens = faultyQueue(world.tokens, 'tokens', fault);
  const uploads = faultyQueue(world.uploads, 'uploads', fault);
  const packing = { queue: tokens, clock, preprocessing: fakePreprocessing, maxPictures: 3, maxWaitMs: 5000 };
  const full = createFullMessages(createTokenPacker(packing));
  const preprocess = createPreprocess({
    ...common,
    model: model.id,
    decoder: faultyDecoder(createFakeDecoder(), fault),
    quantize: createQuantizer(model.preprocessing.palette),
    colors: 2,
    decoding: createSemaphore(2),
    packer: full.packer,
    maxPictureBytes: 1000,
  });
  const { input, output } = common;
  const about = { bucket: 'pictures', input, output, model: model.id };
  const flow = createReceiveUploads({ ...about, preprocess: full.watch(preprocess) });
  const stopping = new AbortController();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const batch = await world.uploads.receive({ maxMessages: 10, waitMs: 20_000, signal: stopping.signal });
      if (batch.length > 0) await invoke(batch);
    }
  }

  async function invoke(batch: QueueMessage[]): Promise<void> {
    const timeOver = new AbortController();
    const done = new AbortController();
    void clock.sleep(functionMs, done.signal).then(() => timeOver.abort('time is over'));
    const failed = await handleBatch(batch, { queue: uploads, flow, signal: timeOver.signal, onError: () => {} });
    done.abort();
    await world.uploads.delete(batch.filter((message) => !failed.includes(message)).map(({ receipt }) => receipt));
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** The worker. */
export function startWorker(world: World, fault: Fault): AwsProcess {
  const { clock } = world;
  const gathering = { clock, maxItems: 10, maxWaitMs: 20 };
  const common = ports(world, fault);
  const flow = createInfer({
    ...common,
    events: gatherEvents(common.events, gathering),
    uploads: faultyQueue(world.uploads, 'uploads', fault),
    model: faultyModel(createFakeModel(), fault),
    preprocessing: fakePreprocessing,
    predicting: createSemaphore(4),
  });
  const stopping = new AbortController();
  const working = workUntilStopped({
    queue: gatherDeletions(faultyQueue(world.tokens, 'tokens', fault), gathering),
    ...{ flow, clock, consumers: 2, prefetch: 4, drainMs: 90_000 },
    signal: stopping.signal,
    giveUp: new AbortController(),
    onError: () => {},
  });
  return {
    async stop() {
      stopping.abort();
      await working;
    },
  };
}
