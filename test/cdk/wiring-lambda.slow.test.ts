import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createEcsClient, createS3Client, createSnsClient, createSqsClient } from '../../lib/aws/clients.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import { maxReceiveCount } from '../../lib/contracts/delivery.ts';
import type { ResultEvent } from '../../lib/contracts/event.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { Queue } from '../../lib/ports/queue.ts';
import { type AwsPictures, createAwsPictures } from '../support/aws-pictures.ts';
import { type Lambda, startLambda } from '../support/lambda.ts';
import { type Moto, motoAccount, motoMissing, motoRegion, startMoto } from '../support/moto.ts';
import { allows } from '../support/policy-allows.ts';
import { type RecordingProxy, startRecordingProxy } from '../support/recording-proxy.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { takeEvents } from '../support/take-events.ts';
import { createTemplateStack, type TemplateStack } from '../support/template-stack.ts';

// Runs the synthesised template of compute=lambda: its resources in the emulator, and the bundles of cdk.out as
// functions. Each has only the template's environment and the emulator's address.

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const animals = join(root, 'test/fixtures/pictures/animals');
const missing = await motoMissing();
// onnxruntime's library in the bundle is that of Lambda.
const supported = process.platform === 'linux' && process.arch === 'x64';
vi.setConfig({ testTimeout: 900_000, hookTimeout: 300_000 });

/** Each function with the output that names its queue. */
const mapped = [
  ['Preprocess', 'UploadsQueueUrl'],
  ['Backfill', 'BackfillQueueUrl'],
  ['Infer', 'TokensQueueUrl'],
] as const;

describe.skipIf(missing !== undefined || !supported)(
  `the wiring of compute=lambda${missing ? `: ${missing}` : ''}`,
  () => {
    let moto: Moto;
    let proxy: RecordingProxy;
    let directory: string;
    let stack: TemplateStack;
    let input: ObjectStore;
    let functions: Lambda[];
    const published: ResultEvent[] = [];
    const expected: Record<string, string> = {};
    let watch: AwsPictures;
    const clients = {} as Parameters<typeof createTemplateStack>[2];

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'cdk-wiring-'));
      const settings = ['-c', 'compute=lambda', '-c', 'architecture=x86_64', '-c', 'stackName=Wired'];
      const synth = [
        'node_modules/aws-cdk/bin/cdk',
        'synth',
        '--quiet',
        '--output',
        join(directory, 'out'),
        ...settings,
      ];
      await run(process.execPath, synth, { cwd: root });
      moto = await startMoto();
      const { AWS_ENDPOINT_URL: endpoint = '' } = moto.environment;
      proxy = await startRecordingProxy(endpoint, motoAccount, motoRegion);
      Object.assign(process.env, moto.environment, { AWS_ENDPOINT_URL: proxy.endpoint });
      Object.assign(clients, {
        s3: createS3Client(),
        sqs: createSqsClient(),
        sns: createSnsClient(),
        ecs: createEcsClient(),
      });
      stack = await createTemplateStack(join(directory, 'out'), 'Wired', clients);
      const store = (name: string) => createS3Store({ client: clients.s3, bucket: stack.output(name), clock });
      input = store('InputBucket');
      const output = store('OutputBucket');
      const events = queueOf('ResultEventsQueueUrl');
      const watched = {
        input,
        // The output bucket also holds the model's files.
        output: { ...output, list: () => output.list({ prefix: 'results' }) },
        uploadsUrl: stack.output('UploadsQueueUrl'),
        tokensUrl: stack.output('TokensQueueUrl'),
        async events() {
          const taken = await takeEvents(events);
          published.push(...taken);
          return taken;
        },
      };
      watch = createAwsPictures(watched, clients.sqs, stack.output('ModelId'));
      functions = mapped.map(([name, queue]) => startFunction(name, stack.output(queue)));
    });

    afterAll(async () => {
      await Promise.all((functions ?? []).map((lambda) => lambda.kill()));
      for (const client of Object.values(clients)) client.destroy();
      await proxy?.[Symbol.asyncDispose]();
      await moto?.[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    });

    function queueOf(output: string): Queue {
      return createSqsQueue({ client: clients.sqs, url: stack.output(output), maxReceiveCount });
    }

    function startFunction(name: string, queueUrl: string): Lambda {
      const about = stack.properties('AWS::Lambda::Function', `${name}Handler`);
      const mapping = stack.properties('AWS::Lambda::EventSourceMapping', `${name}Messages`);
      const variables = Object.entries(about.Environment.Variables).map(([key, value]) => [key, stack.resolve(value)]);
      const key: string = about.Code.S3Key;
      return startLambda({
        sqs: clients.sqs,
        queueArn: stack.resolve(mapping.EventSourceArn),
        queueUrl,
        maxMessages: mapping.BatchSize,
        freeze: name === 'Infer',
        timeoutMs: about.Timeout * 1000,
        bundle: join(directory, 'out', `asset.${key.replace('.zip', '')}`),
        environment: {
          ...moto.environment,
          ...Object.fromEntries(variables),
          AWS_ENDPOINT_URL: proxy.endpoint,
          // An access key that names the role.
          AWS_ACCESS_KEY_ID: `${name}Role`,
        },
      });
    }

    test('an upload has its outcome and event, through three functions and nothing else', async () => {
      expected['Ä b+c/no picture.txt'] = 'unsupported_format';
      await input.put('Ä b+c/no picture.txt', new TextEncoder().encode('no picture'));
      for (let i = 0; i < 30; i++) {
        await input.put(`${i}.jpg`, readFileSync(join(animals, i % 2 === 0 ? 'cat.jpg' : 'cat-sideways.jpg')));
        expected[`${i}.jpg`] = 'succeeded';
      }
      await watch.quiet();
      await watch.check(expected);

      for (const { errors, failures } of functions) expect({ errors, failures }).toEqual({ errors: [], failures: [] });
    });

    test('300 more pictures, 40 of them bad, have theirs when the function is killed at 100 moments', async () => {
      const infer = functions.pop();
      await infer?.stop();
      // What is killed before it holds its messages. On AWS this is 90 minutes.
      const tokens = { QueueUrl: stack.output('TokensQueueUrl'), Attributes: { VisibilityTimeout: '4' } };
      await clients.sqs.send(new SetQueueAttributesCommand(tokens));
      const random = seededRandom(15);
      const cat = readFileSync(join(animals, 'cat.jpg'));
      const bad: [Uint8Array, string][] = [
        [new Uint8Array(), 'empty_object'],
        [new TextEncoder().encode('no picture'), 'unsupported_format'],
        [cat.subarray(0, 300), 'corrupt_image'],
      ];
      const errors: string[] = [];
      let busy = 0;
      for (let round = 0; round < 100; round++) {
        for (let i = 3 * round; i < 3 * round + 3; i++) {
          // Two of 15: 40 of 300.
          const kind = i % 15 === 3 || i % 15 === 11 ? bad[Math.floor(i / 15) % bad.length] : undefined;
          const [body, outcome] = kind ?? [cat, 'succeeded'];
          await input.put(`killed/${i}.jpg`, body);
          expected[`killed/${i}.jpg`] = outcome;
        }
        const killed = startFunction('Infer', stack.output('TokensQueueUrl'));
        await clock.sleep(random() * 2000);
        busy += killed.isBusy() ? 1 : 0;
        await killed.kill();
        errors.push(...killed.errors);
      }
      const last = startFunction('Infer', stack.output('TokensQueueUrl'));
      functions.push(last);
      const deadLetters = queueOf('TokensDeadLettersUrl');
      for (let letters = 1; letters > 0; ) {
        await watch.quiet();
        // Kills may dead-letter messages. Sent again, they must get through.
        const dead = await deadLetters.receive({ maxMessages: 10, waitMs: 0 });
        letters = dead.length;
        for (const { body } of dead) await queueOf('TokensQueueUrl').send([body]);
        await deadLetters.delete(dead.map(({ receipt }) => receipt));
      }
      await watch.check(expected);
      process.stdout.write(`100 kills, ${busy} of them in an invocation; ${published.length} events\n`);

      expect(Object.values(expected).filter((outcome) => outcome !== 'succeeded')).toHaveLength(41);
      for (const { errors: failed } of functions) errors.push(...failed);
      expect(errors).toEqual([]);
      // A repeated event, after a kill between publishing it and deleting its message, is the same one.
      expect(new Set(published.map(({ key, etag, status }) => `${key} ${etag} ${status}`)).size).toBe(331);
    });

    test.each([
      ['PreprocessRole', 5],
      ['InferRole', 3],
    ])('the policy of %s allows every call that it made', (role, kinds) => {
      const { PolicyDocument: document } = stack.properties('AWS::IAM::Policy', `${role}DefaultPolicy`);
      const calls = proxy.calls.filter(({ who }) => who === role);

      expect(calls.filter((call) => !allows(document.Statement, call, stack.resolve))).toEqual([]);
      expect(new Set(calls.map(({ action }) => action)).size).toBeGreaterThanOrEqual(kinds);
    });
  },
);
