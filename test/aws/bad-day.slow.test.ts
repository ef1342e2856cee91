import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createSqsClient } from '../../lib/aws/clients.ts';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { openModel } from '../../lib/runtime/model.ts';
import { createAwsPictures } from '../support/aws-pictures.ts';
import { startBadDayProxy } from '../support/bad-day-proxy.ts';
import { startLambda } from '../support/lambda.ts';
import { motoMissing, startMoto } from '../support/moto.ts';
import { startWorker } from '../support/worker-process.ts';
import { createAwsStack } from './aws-stack.ts';

const missing = await motoMissing();
const modelDirectory = join(import.meta.dirname, '../../lib/models/igpt-nano');
const pictures = join(import.meta.dirname, '../fixtures/pictures');

vi.setConfig({ testTimeout: 240_000 });

describe.skipIf(missing !== undefined)(
  `a day on which AWS often fails${missing === undefined ? '' : `: ${missing}`}`,
  () => {
    it('delays outcomes, but loses none', async () => {
      await using moto = await startMoto();
      Object.assign(process.env, moto.environment);
      const stack = await createAwsStack();
      const sqs = createSqsClient();
      const { id: model, close } = await openModel(await openCheckpoint(modelDirectory), { threads: 1 });
      await close();
      // One request in eight fails: about half of the flows with five requests meet a failure.
      await using proxy = await startBadDayProxy(moto.endpoint, 0.125, 1);
      const through = (url = ''): string => url.replace(/^http:\/\/localhost:\d+/, proxy.endpoint);
      const environment = {
        ...moto.environment,
        ...stack.environment,
        AWS_ENDPOINT_URL: proxy.endpoint,
        MODEL_LOCATION: modelDirectory,
        MODEL_ID: model,
        UPLOADS_QUEUE_URL: through(stack.uploadsUrl),
        TOKENS_QUEUE_URL: through(stack.tokensUrl),
      };
      const about = { sqs, queueUrl: stack.uploadsUrl, queueArn: stack.uploadsArn };
      const lambda = startLambda({
        ...about,
        environment: { ...environment, ECS_CLUSTER: 'igpt', ECS_SERVICE: 'worker' },
      });
      const worker = startWorker({ ...environment, WORKERS: '1', VISIBILITY_SECONDS: '6', DRAIN_SECONDS: '20' });
      try {
        const expected: Record<string, string> = {};
        const cat = await readFile(join(pictures, 'animals/cat.jpg'));
        const rocket = await readFile(join(pictures, 'space/rocket.jpg'));
        for (let i = 0; i < 60; i++) {
          const [key, bad] = [`${i % 7}/${i}.jpg`, i % 6 === 0];
          await stack.input.put(key, bad ? cat.subarray(0, 300 + i) : cat);
          expected[key] = bad ? 'corrupt_image' : 'succeeded';
          if (i % 10 === 3) await stack.input.put(key, rocket);
          if (i % 10 !== 7) continue;
          await stack.input.delete(key);
          delete expected[key];
        }
        const watch = createAwsPictures(stack, sqs, model);
        await watch.quiet();
        await watch.check(expected);
        expect(Object.values(expected).filter((code) => code !== 'succeeded').length).toBeGreaterThan(5);
        expect(await stack.deadLetters.receive({ maxMessages: 10, waitMs: 0 })).toEqual([]);
        expect(lambda.errors).toEqual([]);
        for (const [mishap, times] of Object.entries(proxy.mishaps)) expect(times, mishap).toBeGreaterThan(0);
        worker.signal('SIGTERM');
        expect(await worker.exited).toBe(0);
      } finally {
        worker.signal('SIGKILL');
        await lambda.stop();
        stack.close();
        sqs.destroy();
      }
    });
  },
);
