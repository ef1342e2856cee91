import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createSqsClient } from '../../lib/aws/clients.ts';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import type { ResultEvent } from '../../lib/contracts/event.ts';
import { resultPrefix } from '../../lib/contracts/keys.ts';
import { parseOutcome } from '../../lib/contracts/outcome.ts';
import { openDecoder } from '../../lib/decode/decoder-pool.ts';
import { createQuantizer } from '../../lib/image-gpt/quantizer.ts';
import { backfill } from '../../lib/pipeline/backfill.ts';
import { openModel } from '../../lib/runtime/model.ts';
import { type AwsPictures, createAwsPictures } from '../support/aws-pictures.ts';
import { type Lambda, startLambda } from '../support/lambda.ts';
import { type Moto, motoMissing, startMoto } from '../support/moto.ts';
import { type TinyCheckpoint, tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { startWorker, type WorkerProcess } from '../support/worker-process.ts';
import { type AwsStack, createAwsStack } from './aws-stack.ts';

const missing = await motoMissing();
const folder = join(import.meta.dirname, '../fixtures/pictures');
const files = ['animals/cat.jpg', 'space/rocket.jpg', 'textures/brick.jpg', 'people/astronaut.jpg'];

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

interface Deployable {
  id: string;
  directory: string;
  /** Correct features of each file. */
  truth: Map<string, number[]>;
}

describe.skipIf(missing !== undefined)(`deploying another model${missing === undefined ? '' : `: ${missing}`}`, () => {
  const checkpoints: TinyCheckpoint[] = [];
  const models: Deployable[] = [];
  const publishedEvents: ResultEvent[] = [];
  /** File of each key. */
  const contents = new Map<string, string>();
  let moto: Moto;
  let stack: AwsStack;
  let sqs: SQSClient;
  let lambda: Lambda | undefined;
  let worker: WorkerProcess | undefined;

  beforeAll(async () => {
    moto = await startMoto();
    Object.assign(process.env, moto.environment);
    stack = await createAwsStack();
    sqs = createSqsClient();
    checkpoints.push(await tinyCheckpoint({ seed: 1, size: 8 }));
    // The second differs in its weights; the third also in palette and resolution.
    const scaled = (data: Float32Array): Float32Array => data.map((value) => value * 1.5);
    checkpoints.push(
      await tinyCheckpoint({
        seed: 1,
        size: 8,
        tensors: (all) => all.map((tensor) => ({ ...tensor, data: scaled(tensor.data) })),
      }),
    );
    checkpoints.push(await tinyCheckpoint({ seed: 3, size: 4, n_colors: 16 }));
    for (const { directory } of checkpoints) models.push(await deployable(directory));
  });

  afterAll(async () => {
    await Promise.all([stopLambda(), stopWorker()]);
    stack?.close();
    sqs?.destroy();
    await moto?.[Symbol.asyncDispose]();
    for (const checkpoint of checkpoints) await checkpoint[Symbol.asyncDispose]();
  });

  /** Computes the correct features of each file in this process. */
  async function deployable(directory: string): Promise<Deployable> {
    const model = await openModel(await openCheckpoint(directory), { threads: 1 });
    const { palette, ...recipe } = model.preprocessing;
    const decoder = openDecoder(recipe, { size: 1 });
    const quantize = createQuantizer(palette);
    const truth = new Map<string, number[]>();
    for (const file of files) {
      const { rgb } = await decoder.decode(await readFile(join(folder, file)));
      const { features = [] } = await model.predict(quantize(rgb));
      truth.set(file, [...features]);
    }
    await Promise.all([decoder.close(), model.close()]);
    return { id: model.id, directory, truth };
  }

  const model = (name: 'a' | 'b' | 'c'): Deployable => {
    const found = models['abc'.indexOf(name)];
    if (found === undefined) throw new RangeError(`Expected a model ${name}.`);
    return found;
  };

  const environment = ({ id, directory }: Deployable): Record<string, string> => ({
    ...moto.environment,
    ...stack.environment,
    MODEL_LOCATION: directory,
    MODEL_ID: id,
    WORKERS: '1',
    DECODERS: '1',
    VISIBILITY_SECONDS: '6',
    DRAIN_SECONDS: '15',
  });

  function deployLambda(to: Deployable): void {
    lambda = startLambda({
      sqs,
      queueUrl: stack.uploadsUrl,
      queueArn: stack.uploadsArn,
      environment: environment(to),
    });
  }

  async function deployWorker(to: Deployable): Promise<void> {
    worker = startWorker(environment(to));
    await worker.says('"ready"');
  }

  async function stopLambda(): Promise<void> {
    await lambda?.stop();
    lambda = undefined;
  }

  async function stopWorker(): Promise<void> {
    worker?.signal('SIGTERM');
    expect(await worker?.exited).toBe(worker && 0);
    worker = undefined;
  }

  async function put(group: string, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const file = files[i % files.length] ?? '';
      const key = `${group}/${i}.jpg`;
      await stack.input.put(key, await readFile(join(folder, file)));
      contents.set(key, file);
    }
  }

  function watch({ id }: Deployable): AwsPictures {
    return createAwsPictures(
      {
        ...stack,
        output: { ...stack.output, list: () => stack.output.list({ prefix: resultPrefix(id) }) },
        async events() {
          publishedEvents.push(...(await stack.events()));
          return publishedEvents;
        },
      },
      sqs,
      id,
    );
  }

  async function waiting(url: string): Promise<number> {
    return watch(model('a')).waiting(url);
  }

  /** Runs only the function, until all uploads are tokens in the tokens queue. */
  async function fillTokens(of: Deployable): Promise<void> {
    deployLambda(of);
    while ((await waiting(stack.uploadsUrl)) > 0) await sleep(100);
    await stopLambda();
    expect(await waiting(stack.tokensUrl)).toBeGreaterThan(0);
  }

  /** Expects an outcome under this model for every picture, with the model's own features. */
  async function expectAllUnder(of: Deployable): Promise<void> {
    const about = watch(of);
    await about.quiet();
    await about.check(Object.fromEntries([...contents.keys()].map((key) => [key, 'succeeded'])));
    for (const { id } of models) await expectTrueFeatures(id);
    expect(await stack.deadLetters.receive({ maxMessages: 10, waitMs: 0 })).toEqual([]);
  }

  async function expectTrueFeatures(id: string): Promise<void> {
    const truth = models.find((model) => model.id === id)?.truth;
    for await (const { key } of stack.output.list({ prefix: resultPrefix(id) })) {
      const read = await stack.output.get(key);
      const outcome = read.status === 'found' ? parseOutcome(read.body) : undefined;
      if (outcome?.status !== 'succeeded') throw new Error(`Expected a result at ${key}.`);
      const wanted = truth?.get(contents.get(outcome.key) ?? '') ?? [];
      expect(outcome.model).toBe(id);
      const values = outcome.features?.values ?? [];
      expect(values.length).toBe(wanted.length);
      for (const [i, value] of values.entries()) expect(value, key).toBeCloseTo(wanted[i] ?? Number.NaN, 4);
    }
  }

  /** Does what `igpt backfill` does: sends references to pictures without a current outcome. Returns their keys. */
  async function runBackfill({ id }: Deployable): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key, etag } of backfill({ input: stack.input, output: stack.output, model: id, verify: true })) {
      await stack.uploads.send([JSON.stringify({ schema_version: 1, type: 'reference', key, etag })]);
      keys.push(key);
    }
    return keys;
  }

  async function etags({ id }: Deployable): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for await (const { key, etag } of stack.output.list({ prefix: resultPrefix(id) })) found.set(key, etag);
    return found;
  }

  it('with other weights takes over full queues, and labels every outcome with its own id', async () => {
    await put('first', 6);
    deployLambda(model('a'));
    await deployWorker(model('a'));
    await expectAllUnder(model('a'));
    await Promise.all([stopLambda(), stopWorker()]);

    // Both queues hold messages for model a.
    await put('second', 8);
    await fillTokens(model('a'));
    await put('third', 4);
    expect(await waiting(stack.uploadsUrl)).toBe(4);
    deployLambda(model('b'));
    await deployWorker(model('b'));
    await watch(model('b')).quiet();
    expect((await etags(model('b'))).size).toBe(12);
    expect((await runBackfill(model('b'))).toSorted()).toEqual(
      [...contents.keys()].filter((key) => key.startsWith('first')).toSorted(),
    );
    await expectAllUnder(model('b'));
    await Promise.all([stopLambda(), stopWorker()]);
  });

  it('after a rollback with full queues finds its old outcomes again, and a backfill makes the rest', async () => {
    const before = await etags(model('a'));
    expect(before.size).toBe(6);
    await put('fourth', 8);
    await fillTokens(model('b'));
    deployLambda(model('a'));
    await deployWorker(model('a'));
    await watch(model('a')).quiet();
    const rest = await runBackfill(model('a'));
    expect(rest.toSorted()).toEqual([...contents.keys()].filter((key) => /^(second|third)/.test(key)).toSorted());
    await expectAllUnder(model('a'));
    const after = await etags(model('a'));
    for (const [key, etag] of before) expect(after.get(key)).toBe(etag);
    await Promise.all([stopLambda(), stopWorker()]);
  });

  it('with another palette and resolution sends tokens of the old model back, and a rollback does the same', async () => {
    await put('fifth', 8);
    await fillTokens(model('a'));
    await deployWorker(model('c'));
    // Only references are left, all of them in the uploads queue.
    while ((await waiting(stack.tokensUrl)) > 0) await sleep(100);
    expect(await waiting(stack.uploadsUrl)).toBe(8);
    expect((await etags(model('c'))).size).toBe(0);
    await stopWorker();
    await fillTokens(model('c'));

    // Rolled back before c has stored an outcome.
    deployLambda(model('a'));
    await deployWorker(model('a'));
    await expectAllUnder(model('a'));
    expect((await etags(model('c'))).size).toBe(0);
    expect(contents.size).toBe(34);
    const { size } = await etags(model('a'));
    process.stdout.write(`${size} pictures, 4 changes of the model, 0 lost, 0 mislabelled\n`);
    await Promise.all([stopLambda(), stopWorker()]);
  });
});
