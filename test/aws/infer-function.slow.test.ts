import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createSqsClient } from '../../lib/aws/clients.ts';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import type { ResultEvent } from '../../lib/contracts/event.ts';
import { modelsFolder } from '../../lib/local/repository.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { identifyModel } from '../../lib/runtime/identify-model.ts';
import { createAwsPictures } from '../support/aws-pictures.ts';
import { bundleInfer } from '../support/infer-bundle.ts';
import { type Lambda, startLambda } from '../support/lambda.ts';
import { type Moto, motoMissing, startMoto } from '../support/moto.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type AwsStack, createAwsStack } from './aws-stack.ts';

const missing = await motoMissing();
const supported = process.platform === 'linux' && process.arch === 'x64';
const animals = join(import.meta.dirname, '../fixtures/pictures/animals');
const nano = join(modelsFolder, 'igpt-nano');

vi.setConfig({ testTimeout: 900_000, hookTimeout: 120_000 });

describe.skipIf(missing !== undefined || !supported)(
  `the inference function’s bundle${missing ? `: ${missing}` : ''}`,
  () => {
    let folder: string;
    let moto: Moto;
    let stack: AwsStack;
    let environment: Record<string, string>;
    let startInfer: () => Lambda;
    let preprocess: Lambda;
    let model: string;
    const sqs: ReturnType<typeof createSqsClient>[] = [];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'infer-function-'));
      const bundle = bundleInfer(join(folder, 'out'), {
        directory: nano,
        prefix: 'models/0/igpt-nano',
        location: 's3://a/b',
      });
      moto = await startMoto();
      Object.assign(process.env, moto.environment);
      stack = await createAwsStack({ tokensVisibility: 4 });
      const client = createSqsClient();
      sqs.push(client);
      ({ id: model } = await identifyModel(await openCheckpoint(nano), { precision: 'f32', scaledDecoding: false }));
      environment = { ...moto.environment, ...stack.environment, MODEL_ID: model, ORT_DISABLE_TELEMETRY: '1' };
      const about = { sqs: client, timeoutMs: 30_000 };
      preprocess = startLambda({
        ...about,
        queueUrl: stack.uploadsUrl,
        queueArn: stack.uploadsArn,
        maxMessages: 10,
        environment: { ...environment, MODEL_LOCATION: nano, DECODERS: '1' },
      });
      startInfer = () =>
        startLambda({
          ...about,
          queueUrl: stack.tokensUrl,
          queueArn: stack.tokensArn,
          maxMessages: 10,
          freeze: true,
          bundle: bundle.folder,
          environment: { ...environment, MODEL_LOCATION: bundle.modelLocation, WORKERS: '1', TMPDIR: folder },
        });
    });

    afterAll(async () => {
      await preprocess?.kill();
      stack?.close();
      for (const client of sqs) client.destroy();
      await moto?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    test('loses no picture of 300, 40 of them bad, when it is killed at 100 moments', async () => {
      const random = seededRandom(15);
      const cat = readFileSync(join(animals, 'cat.jpg'));
      const bad: [Uint8Array, string][] = [
        [new Uint8Array(), 'empty_object'],
        [new TextEncoder().encode('no picture'), 'unsupported_format'],
        [cat.subarray(0, 300), 'corrupt_image'],
      ];
      const expected: Record<string, string> = {};
      const events: ResultEvent[] = [];
      const [client = createSqsClient()] = sqs;
      const watch = createAwsPictures(
        {
          ...stack,
          async events() {
            const taken = await stack.events();
            events.push(...taken);
            return taken;
          },
        },
        client,
        model,
      );
      const errors: string[] = [];
      let busy = 0;
      for (let round = 0; round < 100; round++) {
        for (let i = 3 * round; i < 3 * round + 3; i++) {
          // Two of 15: 40 of 300.
          const kind = i % 15 === 3 || i % 15 === 11 ? bad[Math.floor(i / 15) % bad.length] : undefined;
          const [body, outcome] = kind ?? [cat, 'succeeded'];
          await stack.input.put(`${i}.jpg`, body);
          expected[`${i}.jpg`] = outcome;
        }
        const infer = startInfer();
        await clock.sleep(random() * 2000);
        busy += infer.isBusy() ? 1 : 0;
        await infer.kill();
        errors.push(...infer.errors);
      }
      expect(Object.values(expected).filter((outcome) => outcome !== 'succeeded')).toHaveLength(40);

      const infer = startInfer();
      for (let letters = 1; letters > 0; ) {
        await watch.quiet();
        // Kills may dead-letter messages. Sent again, they must get through.
        const dead = await stack.deadLetters.receive({ maxMessages: 10, waitMs: 0 });
        letters = dead.length;
        for (const { body } of dead) await (body.includes('"tokens"') ? stack.tokens : stack.uploads).send([body]);
        await stack.deadLetters.delete(dead.map(({ receipt }) => receipt));
      }
      await watch.check(expected);
      await infer.stop();
      process.stdout.write(`100 kills, ${busy} of them in an invocation; ${events.length} events of 300 pictures\n`);

      expect(errors).toEqual([]);
      expect(infer.errors).toEqual([]);
      // A repeated event, after a kill between publishing it and deleting its message, is the same one.
      const kinds = new Set(events.map(({ key, etag, status }) => `${key} ${etag} ${status}`));
      expect(kinds.size).toBe(300);
      expect(readdirSync(folder)).toEqual(['out']);
    });
  },
);
