import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createSqsClient } from '../../lib/aws/clients.ts';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { openModel } from '../../lib/runtime/model.ts';
import { createAwsPictures } from '../support/aws-pictures.ts';
import { startLambda } from '../support/lambda.ts';
import { motoMissing, startMoto } from '../support/moto.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startWorker } from '../support/worker-process.ts';
import { createAwsStack } from './aws-stack.ts';

const missing = await motoMissing();
const modelDirectory = join(import.meta.dirname, '../../lib/models/igpt-nano');
const pictures = join(import.meta.dirname, '../fixtures/pictures');

// Number of kills; `KILLS=200` kills more often (default 12).
const { KILLS: kills = '12' } = process.env;

// 12 kills take 30 s.
vi.setConfig({ testTimeout: 60_000 + Number(kills) * 10_000 });

describe.skipIf(missing !== undefined)(`the deployed processes${missing === undefined ? '' : `: ${missing}`}`, () => {
  it('lose no picture and store no wrong outcome when they are killed or stopped at random moments', async () => {
    await using moto = await startMoto();
    Object.assign(process.env, moto.environment);
    const stack = await createAwsStack();
    const sqs = createSqsClient();
    const { id: model, close } = await openModel(await openCheckpoint(modelDirectory), { threads: 1 });
    await close();
    const environment = { ...moto.environment, ...stack.environment, MODEL_LOCATION: modelDirectory, MODEL_ID: model };
    const about = { sqs, queueUrl: stack.uploadsUrl, queueArn: stack.uploadsArn };
    const newLambda = () => startLambda({ ...about, environment });
    // A drain of 10 s is shorter than the time reserved for releasing messages, so the worker releases them at once.
    const newWorker = () => startWorker({ ...environment, WORKERS: '1', VISIBILITY_SECONDS: '4', DRAIN_SECONDS: '10' });
    let lambda = newLambda();
    let worker = newWorker();
    try {
      const random = seededRandom(1);
      const cat = await readFile(join(pictures, 'animals/cat.jpg'));
      const rocket = await readFile(join(pictures, 'space/rocket.jpg'));
      const expected: Record<string, string> = {};
      for (let round = 0; round < Number(kills); round++) {
        for (let i = 0; i < 5; i++) {
          const [key, bad] = [`${round}/${i}.jpg`, random() < 0.15];
          await stack.input.put(key, bad ? cat.subarray(0, 400) : random() < 0.5 ? cat : rocket);
          expected[key] = bad ? 'corrupt_image' : 'succeeded';
        }
        await clock.sleep(random() * 1500);
        const victim = random();
        if (victim < 0.4) {
          await lambda.kill();
          lambda = newLambda();
          continue;
        }
        worker.signal(victim < 0.7 ? 'SIGKILL' : 'SIGTERM');
        const code = await worker.exited;
        // Null if it was not yet listening to signals.
        if (victim >= 0.7) expect([0, null]).toContain(code);
        worker = newWorker();
      }
      const watch = createAwsPictures(stack, sqs, model);
      await watch.quiet();
      // Kills may dead-letter messages. Sent again, they must get through.
      let redriven = 0;
      for (;;) {
        const letters = await stack.deadLetters.receive({ maxMessages: 10, waitMs: 0 });
        if (letters.length === 0) break;
        redriven += letters.length;
        for (const { body } of letters) await (body.includes('"tokens"') ? stack.tokens : stack.uploads).send([body]);
      }
      await watch.quiet();
      await watch.check(expected);
      process.stdout.write(
        `${Object.keys(expected).length} pictures, ${kills} kills, ${redriven} dead letters sent again, 0 lost, 0 wrong\n`,
      );
    } finally {
      worker.signal('SIGKILL');
      await lambda.kill();
      stack.close();
      sqs.destroy();
    }
  });
});
