import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSemaphore } from '../../lib/async/semaphore.ts';
import { MessageError, messageText } from '../../lib/contracts/message-text.ts';
import { parseOutcome } from '../../lib/contracts/outcome.ts';
import { packTokens } from '../../lib/image-gpt/token-packing.ts';
import { createMemoryQueue } from '../../lib/local/memory-queue.ts';
import { consume, type Flow } from '../../lib/pipeline/consumer.ts';
import { createInfer } from '../../lib/pipeline/infer.ts';
import { createStages } from '../../lib/pipeline/observer.ts';
import { createTokenPacker } from '../../lib/pipeline/pack-tokens.ts';
import { createPreprocess } from '../../lib/pipeline/preprocess.ts';
import { createReceiveUploads } from '../../lib/pipeline/receive-uploads.ts';
import type { QueueMessage } from '../../lib/ports/queue.ts';
import { simulatedModels } from '../simulation/simulated-models.ts';
import { createMemoryObjectStore } from '../support/memory-object-store.ts';
import { doublingDelayMs as retryDelayMs } from '../support/retry-delay.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const [{ model, preprocessing, quantize, colors }] = simulatedModels;

/** Both deployed flows in memory; `predicted` are the numbers of tokens that the model received. */
function setUp() {
  const clock = createVirtualClock();
  const [input, output] = [createMemoryObjectStore(clock), createMemoryObjectStore(clock)];
  const uploads = createMemoryQueue({ clock, capacity: 1000 });
  const tokens = createMemoryQueue({ clock, capacity: 1000 });
  const predicted: number[] = [];
  const ports = {
    input,
    output,
    clock,
    confirmSource: true,
    events: { publish: async () => {} },
    observer: { stages: createStages(clock), ended: () => {}, caught: () => {} },
  };
  const preprocess = createPreprocess({
    ...ports,
    quantize,
    colors,
    model: model.id,
    decoder: { decode: async () => ({ format: 'jpeg', width: 1, height: 1, rgb: new Uint8Array(12) }) },
    decoding: createSemaphore(4),
    packer: createTokenPacker({ queue: tokens, clock, preprocessing, maxWaitMs: 1 }),
  });
  const infer = createInfer({
    ...ports,
    uploads,
    preprocessing,
    model: {
      ...model,
      predict: (tokens) => {
        predicted.push(tokens.length);
        return model.predict(tokens);
      },
    },
    predicting: createSemaphore(4),
  });
  const bucketEvents = { bucket: 'pictures', input, output, model: model.id };
  const receiveUploads = createReceiveUploads({ preprocess, bucketEvents });
  return { clock, input, output, uploads, tokens, predicted, infer, receiveUploads };
}

const delivery = (body: string): QueueMessage => ({
  body,
  receipt: 'r',
  receiveCount: 1,
  lastReceive: false,
  sentAt: new Date(0),
});

/** Expects that the flow accepts the body or throws a MessageError. Other errors would be retried in vain. */
async function expectAcceptedOrRefused(flow: Flow, body: string): Promise<void> {
  const [result] = await Promise.allSettled([flow(delivery(body))]);
  if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(MessageError);
}

const record = (key: unknown, eventName: unknown = 'ObjectCreated:Put') => ({
  eventSource: 'aws:s3',
  eventName,
  s3: { bucket: { name: 'pictures' }, object: { key, eTag: 'abc' } },
});

const picture = (tokens: string) => ({
  key: 'a',
  etag: '"e"',
  image: { format: 'jpeg', width: 1, height: 1, bytes: 1 },
  tokens,
});

const packed = Buffer.from(packTokens(Uint16Array.of(0, 1, 0, 1), colors)).toString('base64');

/** Valid messages of both queues, to be mutated. */
const valid: unknown[] = [
  { schema_version: 1, type: 'reference', key: 'a', etag: '"e"' },
  { Records: [record('a'), record('b', 'ObjectRemoved:Delete')] },
  { Service: 'Amazon S3', Event: 's3:TestEvent' },
  { schema_version: 1, preprocessing, pictures: [picture(packed), picture(packed)] },
];

/** A valid message with one value, at any depth, replaced. */
const mutated = fc
  .tuple(fc.constantFrom(...valid), fc.nat(), fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.double()))
  .map(([message, at, value]) => {
    let left = at % 12;
    return JSON.stringify(message, (name, old) => {
      if (name === '') return old;
      left -= 1;
      return left === 0 ? value : old;
    });
  });

const anyBody = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.json(), mutated);

describe('any input of the queues', () => {
  test('is accepted or refused by the uploads flow', async () => {
    const { receiveUploads } = setUp();
    await fc.assert(fc.asyncProperty(anyBody, (body) => expectAcceptedOrRefused(receiveUploads, body)));
  });

  test('is accepted or refused by the tokens flow, and the model receives only pictures of its size', async () => {
    const { infer, predicted } = setUp();
    // At least one message whose pictures are predicted.
    await expectAcceptedOrRefused(infer, JSON.stringify(valid.at(-1)));
    await fc.assert(fc.asyncProperty(anyBody, (body) => expectAcceptedOrRefused(infer, body)));
    const anyTokens = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    await fc.assert(
      fc.asyncProperty(fc.array(anyTokens, { maxLength: 3 }), (tokens) =>
        expectAcceptedOrRefused(
          infer,
          messageText({ schema_version: 1, preprocessing, pictures: tokens.map(picture) }),
        ),
      ),
    );
    expect(new Set(predicted)).toEqual(new Set([model.tokens]));
  });

  test('a key with any characters gets the outcome of its picture, as S3 encodes it', async () => {
    const { input, output, tokens, infer, receiveUploads } = setUp();
    const anyKey = fc
      .oneof(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
        fc.constantFrom('.', '..', '/', '//', '../../etc/passwd', 'a//b', '%2e', '+', ' ', '\0', '\uffff', '__proto__'),
        fc.constantFrom('constructor', 'k'.repeat(1024), '\u{1f408}'.repeat(256), 'results/x.json'),
      )
      .filter((key) => key.isWellFormed() && !key.endsWith('/'));
    await fc.assert(
      fc.asyncProperty(anyKey, async (key) => {
        await input.put(key, Uint8Array.of(1));
        const encoded = encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
        const { etag = '' } = (await input.head(key)) ?? {};
        const about = { ...record(encoded), s3: { ...record(encoded).s3, object: { key: encoded, eTag: etag } } };
        await receiveUploads(delivery(messageText({ Records: [about] })));
        for (const message of await tokens.receive({ maxMessages: 10, waitMs: 0 })) {
          await infer(message);
          await tokens.delete([message.receipt]);
        }
        const outcomes = [...output.objects.values()].map(({ body }) => parseOutcome(body));
        expect(outcomes).toMatchObject([{ status: 'succeeded', key, etag }]);
        for (const at of output.objects.keys()) {
          expect(Buffer.byteLength(at)).toBeLessThanOrEqual(1024);
          await output.delete(at);
        }
      }),
    );
  });

  test('is refused if a key is too long for S3', async () => {
    const { receiveUploads } = setUp();
    const body = messageText({ Records: [record('k'.repeat(1025))] });
    await expect(receiveUploads(delivery(body))).rejects.toThrow(MessageError);
  });

  test('is dead-lettered if it is invalid, and reported at its last receive, while valid messages get through', async () => {
    const { clock, input, output, uploads, tokens, infer, receiveUploads } = setUp();
    const stop = new AbortController();
    const reported: string[] = [];
    const onError = (error: unknown, message?: QueueMessage): void => {
      expect(error).toBeInstanceOf(MessageError);
      if (message?.lastReceive) reported.push(message.body);
    };
    const common = { clock, signal: stop.signal, concurrency: 10, retryDelayMs, onError };
    const running = [
      consume({ ...common, queue: uploads, flow: receiveUploads }),
      consume({ ...common, queue: tokens, flow: infer }),
    ];
    const hostile = [
      ...['', 'null', '[]', '{"Records":[]}', '{"schema_version":1}', '\u0000'],
      messageText({ Records: [record('%')] }),
      messageText({ schema_version: 1, preprocessing, pictures: [picture('AAAA')] }),
      messageText({ schema_version: 2, preprocessing, pictures: [picture(packed)] }),
    ];
    await uploads.send(hostile);
    await tokens.send(hostile);
    await input.put('good', Uint8Array.of(1));
    await uploads.send([
      messageText({ Records: [{ ...record('good'), s3: { ...record('good').s3, object: { key: 'good' } } }] }),
    ]);
    await clock.sleep(3_600_000);
    stop.abort();
    await Promise.all(running);
    clock.stop();

    expect([...uploads.deadLetters].toSorted()).toEqual(hostile.toSorted());
    expect([...tokens.deadLetters].toSorted()).toEqual(hostile.toSorted());
    expect(reported.toSorted()).toEqual([...hostile, ...hostile].toSorted());
    expect([...output.objects.keys()]).toEqual([`results/${model.id}/good.json`]);
  });
});
