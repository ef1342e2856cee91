import { createSemaphore } from '../../lib/async/semaphore.ts';
import type { PipelineEvent } from '../../lib/contracts/event.ts';
import { messageText } from '../../lib/contracts/message-text.ts';
import { parseOutcome } from '../../lib/contracts/outcome.ts';
import { createQuantizer } from '../../lib/image-gpt/quantizer.ts';
import { createMemoryQueue, type MemoryQueue } from '../../lib/local/memory-queue.ts';
import { consume } from '../../lib/pipeline/consumer.ts';
import { createInfer } from '../../lib/pipeline/infer.ts';
import { createStages, type PictureEnd } from '../../lib/pipeline/observer.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import { createTokenPacker } from '../../lib/pipeline/pack-tokens.ts';
import { createPreprocess } from '../../lib/pipeline/preprocess.ts';
import { createReceiveUploads } from '../../lib/pipeline/receive-uploads.ts';
import type { Model } from '../../lib/ports/model.ts';
import { createFakeDecoder, createFakeModel, fakePreprocessing } from './fake-model.ts';
import { type Fault, faultyDecoder, faultyModel, faultyQueue, faultySink, faultyStore } from './faulty-ports.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from './memory-object-store.ts';
import { doublingDelayMs as retryDelayMs } from './retry-delay.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

/** What outlives a process: buckets, queues and published events. */
export interface World {
  clock: VirtualClock;
  input: MemoryObjectStore;
  output: MemoryObjectStore;
  uploads: MemoryQueue;
  tokens: MemoryQueue;
  published: PipelineEvent[];
  /** Puts a picture and sends its notification. */
  upload(key: string, text: string): Promise<void>;
  /** Sends a notification. */
  announce(key: string, etag?: string): Promise<void>;
  /** Waits until the queues are empty; false if they are not within a day. */
  quiet(): Promise<boolean>;
}

export function createWorld(): World {
  const clock = createVirtualClock();
  const input = createMemoryObjectStore(clock);
  const uploads = createMemoryQueue({ clock, capacity: 10_000 });
  const tokens = createMemoryQueue({ clock, capacity: 10_000 });
  const announce = async (key: string, etag?: string): Promise<void> => {
    await uploads.send([messageText({ schema_version: 1, type: 'reference', key, etag })]);
  };
  return {
    clock,
    input,
    output: createMemoryObjectStore(clock),
    uploads,
    tokens,
    published: [],
    announce,
    async upload(key, text) {
      const result = await input.put(key, new TextEncoder().encode(text));
      await announce(key, result.status === 'stored' ? result.etag : undefined);
    },
    async quiet() {
      for (let minute = 0; minute < 24 * 60; minute++) {
        if (uploads.size() + tokens.size() === 0) return true;
        await clock.sleep(60_000);
      }
      return false;
    },
  };
}

export interface Process {
  ends: PictureEnd[];
  /** Finishes the messages in flight. */
  stop(): Promise<void>;
}

/** Starts a process that runs both flows; `fault` is called around each call of a port. */
export function startProcess(
  world: World,
  options: { fault?: Fault; model?: Model; preprocessing?: string; confirmSource?: boolean } = {},
): Process {
  const { clock, published } = world;
  const { fault = async () => {}, preprocessing = fakePreprocessing, confirmSource = false } = options;
  const model = faultyModel(options.model ?? createFakeModel(), fault);
  const uploads = faultyQueue(world.uploads, 'uploads', fault);
  const tokens = faultyQueue(world.tokens, 'tokens', fault);
  const ends: PictureEnd[] = [];
  const ports = {
    input: faultyStore(world.input, 'input', fault),
    output: faultyStore(world.output, 'output', fault),
    events: faultySink<PipelineEvent>({ publish: async (events) => void published.push(...events) }, fault),
    clock,
    confirmSource,
    observer: { stages: createStages(clock), ended: (end: PictureEnd) => void ends.push(end), caught: () => {} },
  };
  const preprocess = createPreprocess({
    ...ports,
    model: model.id,
    decoder: faultyDecoder(createFakeDecoder(), fault),
    quantize: createQuantizer(model.preprocessing.palette),
    colors: 2,
    decoding: createSemaphore(3),
    packer: createTokenPacker({ queue: tokens, clock, preprocessing, maxPictures: 4, maxWaitMs: 200 }),
    maxPictureBytes: 1000,
  });
  const infer = createInfer({ ...ports, uploads, model, preprocessing, predicting: createSemaphore(4) });
  const stopping = new AbortController();
  const consumer = { clock, signal: stopping.signal, concurrency: 6, retryDelayMs, onError: () => {} };
  const running = [
    consume({ ...consumer, queue: uploads, flow: createReceiveUploads({ preprocess }) }),
    consume({ ...consumer, queue: tokens, flow: infer }),
  ];
  return {
    ends,
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

/** Pictures whose outcome or event is missing or wrong; call it when the queues are empty. */
export function findProblems(world: World, modelId = 'fake-1'): string[] {
  const wrong: string[] = [];
  for (const [key, { object, body }] of world.input.objects) {
    const resultKey = outcomeKey(modelId, key);
    const stored = world.output.objects.get(resultKey);
    const outcome = stored === undefined ? undefined : parseOutcome(stored.body);
    if (outcome === undefined) wrong.push(`${key}: no outcome`);
    else if (outcome.key !== key || outcome.etag !== object.etag) wrong.push(`${key}: the outcome of another version`);
    else if (new TextDecoder().decode(body).startsWith('bad') && outcome.status !== 'failed')
      wrong.push(`${key}: no failure`);
    const hasEvent = world.published.some(
      (event) =>
        event.type === 'result' &&
        event.key === key &&
        event.etag === object.etag &&
        event.result_key === resultKey &&
        event.status === outcome?.status,
    );
    if (!hasEvent) wrong.push(`${key}: no event`);
  }
  return wrong;
}
