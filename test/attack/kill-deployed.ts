import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSqsClient } from '../../lib/aws/clients.ts';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { modelsFolder } from '../../lib/local/repository.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { openModel } from '../../lib/runtime/model.ts';
import { createAwsStack } from '../aws/aws-stack.ts';
import { createAwsPictures } from '../support/aws-pictures.ts';
import { startLambda } from '../support/lambda.ts';
import { startMoto } from '../support/moto.ts';
import { startWorker } from '../support/worker-process.ts';
import type { Random } from './attack.ts';

/** The deployed processes over an emulator of AWS. */
export interface Deployed extends AsyncDisposable {
  /** Puts five pictures, kills the function or the worker at a random moment, and starts it again. */
  kill(round: number, random: Random): Promise<string[]>;
  /** Waits until all is done, and sends dead letters again. Returns what is lost or wrong. */
  settle(): Promise<string[]>;
}

const fixtures = join(import.meta.dirname, '../fixtures/pictures');
const modelDirectory = join(modelsFolder, 'igpt-nano');

/** Pictures put before each kill. */
const perRound = 5;

export async function openDeployed(): Promise<Deployed> {
  const moto = await startMoto();
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
  const cat = await readFile(join(fixtures, 'animals/cat.jpg'));
  const rocket = await readFile(join(fixtures, 'space/rocket.jpg'));
  const expected: Record<string, string> = {};

  return {
    async kill(round, random) {
      for (let i = 0; i < perRound; i++) {
        const [key, bad] = [`${round}/${i}.jpg`, random() < 0.15];
        await stack.input.put(key, bad ? cat.subarray(0, 400) : random() < 0.5 ? cat : rocket);
        expected[key] = bad ? 'corrupt_image' : 'succeeded';
      }
      await clock.sleep(random() * 1500);
      const victim = random();
      if (victim < 0.4) {
        await lambda.kill();
        lambda = newLambda();
        return [];
      }
      const signal = victim < 0.7 ? 'SIGKILL' : 'SIGTERM';
      worker.signal(signal);
      const code = await worker.exited;
      worker = newWorker();
      // Null if it did not listen to signals yet.
      return signal === 'SIGKILL' || code === 0 || code === null ? [] : [`the worker ended with ${code} on SIGTERM`];
    },
    async settle() {
      const watch = createAwsPictures(stack, sqs, model);
      await watch.quiet();
      // Kills may dead-letter messages. Sent again, they must get through.
      for (;;) {
        const letters = await stack.deadLetters.receive({ maxMessages: 10, waitMs: 0 });
        if (letters.length === 0) break;
        for (const { body } of letters) await (body.includes('"tokens"') ? stack.tokens : stack.uploads).send([body]);
      }
      await watch.quiet();
      return watch.check(expected).then(
        () => [],
        (error: Error) => error.message.split('\n'),
      );
    },
    async [Symbol.asyncDispose]() {
      worker.signal('SIGKILL');
      await lambda.kill();
      stack.close();
      sqs.destroy();
      await moto[Symbol.asyncDispose]();
    },
  };
}
