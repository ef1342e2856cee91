import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createSqsClient } from '../../lib/aws/clients.ts';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { openModel } from '../../lib/runtime/model.ts';
import { type AwsPictures, createAwsPictures } from '../support/aws-pictures.ts';
import { type Lambda, type LambdaOptions, startLambda } from '../support/lambda.ts';
import { type Moto, motoMissing, startMoto } from '../support/moto.ts';
import { startWorker, type WorkerProcess } from '../support/worker-process.ts';
import { type AwsStack, createAwsStack } from './aws-stack.ts';

const missing = await motoMissing();
const modelDirectory = join(import.meta.dirname, '../../lib/models/igpt-nano');
const pictures = join(import.meta.dirname, '../fixtures/pictures');

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const etagOf = (body: Uint8Array): string => `"${createHash('md5').update(body).digest('hex')}"`;

// A hanging test would take the slow suite's own timeout, ten minutes.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

describe.skipIf(missing !== undefined)(
  `function and worker on moto${missing === undefined ? '' : `: ${missing}`}`,
  () => {
    let moto: Moto;
    let stack: AwsStack;
    let sqs: SQSClient;
    let model: string;
    let lambda: Lambda;
    let worker: WorkerProcess;
    let environment: Record<string, string>;
    let watch: AwsPictures;

    beforeAll(async () => {
      moto = await startMoto();
      Object.assign(process.env, moto.environment);
      stack = await createAwsStack();
      sqs = createSqsClient();
      const opened = await openModel(await openCheckpoint(modelDirectory), { threads: 1 });
      model = opened.id;
      await opened.close();
      watch = createAwsPictures(stack, sqs, model);
      environment = { ...moto.environment, ...stack.environment, MODEL_LOCATION: modelDirectory, MODEL_ID: model };
      // Deleted before any process runs.
      await put('gone.jpg', bytes('a picture for a moment'));
      await stack.input.delete('gone.jpg');
      lambda = startLambda(lambdaOptions());
      worker = startWorker(workerEnvironment());
      await worker.says('"ready"');
    });

    afterAll(async () => {
      worker?.signal('SIGKILL');
      await lambda?.stop();
      stack?.close();
      sqs?.destroy();
      await moto?.[Symbol.asyncDispose]();
    });

    const lambdaOptions = (): LambdaOptions => ({
      sqs,
      queueUrl: stack.uploadsUrl,
      queueArn: stack.uploadsArn,
      environment: {
        ...environment,
        ECS_CLUSTER: 'igpt',
        ECS_SERVICE: 'worker',
        MAX_PICTURE_BYTES: '1000000',
        DECODERS: '2',
      },
    });

    const workerEnvironment = (): Record<string, string> => ({
      ...environment,
      WORKERS: '1',
      VISIBILITY_SECONDS: '6',
      DRAIN_SECONDS: '20',
    });

    async function put(key: string, body: Uint8Array): Promise<void> {
      await stack.input.put(key, body);
    }

    const expected: Record<string, string> = {};

    it('give one outcome to each picture: good, bad, announced twice, overwritten, deleted', async () => {
      const names = (await readdir(pictures, { recursive: true })).filter((name) =>
        /\.(jpg|png|webp|gif|tiff|avif)$/.test(name),
      );
      const cat = await readFile(join(pictures, 'animals/cat.jpg'));
      for (const name of names) {
        await put(name, await readFile(join(pictures, name)));
        expected[name] = 'succeeded';
      }
      for (const key of ['my cats/a+b %41 \u{1f408}.jpg', '100%.jpg', `long/${'k'.repeat(1000)}.jpg`]) {
        await put(key, cat);
        expected[key] = 'succeeded';
      }
      const bad: [string, Uint8Array, string][] = [
        ['bad/empty.jpg', new Uint8Array(), 'empty_object'],
        ['bad/text.png', bytes('this is no picture at all, whatever its name says'), 'unsupported_format'],
        ['bad/cut.jpg', cat.subarray(0, 400), 'corrupt_image'],
        ['bad/huge.bin', new Uint8Array(1_000_001), 'image_too_large'],
        [
          'bad/drawing.svg',
          bytes('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
          'unsupported_format',
        ],
      ];
      for (const [key, body, code] of bad) {
        await put(key, body);
        expected[key] = code;
      }
      await put('folder/', new Uint8Array());
      // Two more references to the same picture, without and with its ETag.
      const again = { schema_version: 1, type: 'reference', key: 'animals/cat.jpg' };
      await stack.uploads.send([JSON.stringify(again), JSON.stringify({ ...again, etag: etagOf(cat) })]);
      // Overwritten before the first version is read; its notification names a version that no longer exists.
      await put('changing.jpg', cat);
      await put('changing.jpg', await readFile(join(pictures, 'space/rocket.jpg')));
      expected['changing.jpg'] = 'succeeded';
      await put('turns-bad.jpg', cat);
      await put('turns-bad.jpg', bytes('no picture any more'));
      expected['turns-bad.jpg'] = 'unsupported_format';
      await watch.quiet();
      await watch.check(expected);
      expect(lambda.errors).toEqual([]);
      expect(lambda.failures).toEqual([]);
      const printed = lambda.lines();
      expect(printed.some((line) => line.includes('"key":"bad/text.png"'))).toBe(true);
      expect(printed.some((line) => line.includes('"Failures"') && line.includes('"code":"empty_object"'))).toBe(true);
    });

    it('wake the service', async () => {
      expect(await stack.desiredCount()).toBe(1);
    });

    it('replace or delete the outcome of a picture that changes later', async () => {
      await put('animals/cat.jpg', await readFile(join(pictures, 'textures/brick.jpg')));
      await put('bad/cut.jpg', await readFile(join(pictures, 'animals/cat.jpg')));
      expected['bad/cut.jpg'] = 'succeeded';
      await stack.input.delete('my cats/a+b %41 \u{1f408}.jpg');
      delete expected['my cats/a+b %41 \u{1f408}.jpg'];
      await watch.quiet();
      await watch.check(expected);
    });

    it('lose nothing when the worker is killed, and send tokens of another model back', async () => {
      worker.signal('SIGKILL');
      await worker.exited;
      for (let i = 0; i < 6; i++) {
        await put(`later/${i}.jpg`, await readFile(join(pictures, 'animals/cat-sideways.jpg')));
        expected[`later/${i}.jpg`] = 'succeeded';
      }
      const astronaut = await readFile(join(pictures, 'people/astronaut.jpg'));
      await put('later/other-model.jpg', astronaut);
      expected['later/other-model.jpg'] = 'succeeded';
      const image = { format: 'jpeg', width: 1, height: 1, bytes: 1 };
      const other = { key: 'later/other-model.jpg', etag: etagOf(astronaut), image, tokens: 'AAAA' };
      await stack.tokens.send([
        JSON.stringify({ schema_version: 1, preprocessing: '00000000000000aa', pictures: [other] }),
      ]);
      // Deleted while its tokens wait for a worker.
      await put('later/deleted.jpg', astronaut);
      while ((await watch.waiting(stack.uploadsUrl)) > 0) await clock.sleep(100);
      await stack.input.delete('later/deleted.jpg');
      while ((await watch.waiting(stack.uploadsUrl)) > 0) await clock.sleep(100);
      // Killed again with messages in flight.
      const victim = startWorker(workerEnvironment());
      await victim.says('"ready"');
      await clock.sleep(100);
      victim.signal('SIGKILL');
      await victim.exited;
      worker = startWorker(workerEnvironment());
      await watch.quiet();
      await watch.check(expected);
      expect(await stack.deadLetters.receive({ maxMessages: 10, waitMs: 0 })).toEqual([]);
    });

    it('lose nothing when the function is killed', async () => {
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 4; i++) {
          const key = `killed/${round}-${i}.jpg`;
          await put(key, await readFile(join(pictures, 'space/rocket.jpg')));
          expected[key] = 'succeeded';
        }
        await clock.sleep(round * 150);
        await lambda.kill();
        lambda = startLambda(lambdaOptions());
      }
      await watch.quiet();
      await watch.check(expected);
      expect(await stack.deadLetters.receive({ maxMessages: 10, waitMs: 0 })).toEqual([]);
    });

    it('fail an invalid message, so that it is dead-lettered later', async () => {
      await stack.uploads.send(['nonsense']);
      while (lambda.failures.length === 0) await clock.sleep(100);
      expect(lambda.failures).toHaveLength(1);
      expect(await watch.waiting(stack.uploadsUrl)).toBe(1);
    });

    it('stop in order at SIGTERM; the worker has published its metrics and logged no error', async () => {
      worker.signal('SIGTERM');
      expect(await worker.exited).toBe(0);
      const metrics = worker.lines.filter((line) => line.includes('"CloudWatchMetrics"')).join('\n');
      for (const name of ['PicturesSucceeded', 'BatchFill', 'QueueAge', 'ModelTime']) expect(metrics).toContain(name);
      expect(worker.lines.filter((line) => line.includes('"level":"ERROR"'))).toEqual([]);
    });
  },
);
