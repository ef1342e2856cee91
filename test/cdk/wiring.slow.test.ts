import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createEcsClient, createS3Client, createSnsClient, createSqsClient } from '../../lib/aws/clients.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import { maxReceiveCount } from '../../lib/contracts/delivery.ts';
import { parseOutcome } from '../../lib/contracts/outcome.ts';
import { stackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import { igpt } from '../cli/igpt-process.ts';
import { type AwsPictures, createAwsPictures, type WatchedStack } from '../support/aws-pictures.ts';
import { type BadDayProxy, startBadDayProxy } from '../support/bad-day-proxy.ts';
import { writeOutputs } from '../support/deployed-in-moto.ts';
import { type Lambda, startLambda } from '../support/lambda.ts';
import { type Moto, motoAccount, motoMissing, motoRegion, startMoto } from '../support/moto.ts';
import { allows } from '../support/policy-allows.ts';
import { type RecordingProxy, startRecordingProxy } from '../support/recording-proxy.ts';
import { takeEvents } from '../support/take-events.ts';
import { createTemplateStack, type TemplateStack } from '../support/template-stack.ts';
import { startWorker, type WorkerProcess } from '../support/worker-process.ts';

// Runs the synthesised template: its resources in the emulator, the bundles of cdk.out as functions, and the worker's
// entry as the task. Each has only the template's environment and the emulator's address.

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const pictures = join(root, 'test/fixtures/pictures/animals');
const missing = await motoMissing();
const supported = process.platform === 'linux';
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Outputs of resources that the emulator does not have; see writeOutputs. */
const unmade: string[] = [stackOutputs.alarmTopicArn, stackOutputs.dashboard];
const withoutResource: string[] = [
  stackOutputs.outputKmsKey,
  stackOutputs.inferFunction,
  stackOutputs.onDemandService,
  stackOutputs.trainingJob,
  stackOutputs.batchQueue,
  stackOutputs.batchJob,
  stackOutputs.trainingQueue,
  stackOutputs.costBrakeHoldArn,
  stackOutputs.costBrakeReleaseArn,
];

describe.skipIf(missing !== undefined || !supported)(`the template’s wiring${missing ? `: ${missing}` : ''}`, () => {
  let moto: Moto;
  let proxy: RecordingProxy;
  /** Proxy in front of the recording proxy. It causes no faults until `share` is set. */
  let day: BadDayProxy;
  let directory: string;
  let stack: TemplateStack;
  let input: ObjectStore;
  let output: ObjectStore;
  let functions: Lambda[];
  let worker: WorkerProcess;
  let watch: AwsPictures;
  const expected: Record<string, string> = {
    'cat.jpg': 'succeeded',
    'cat-sideways.jpg': 'succeeded',
    'Ä b+c/no picture.txt': 'unsupported_format',
  };
  const clients = {} as Parameters<typeof createTemplateStack>[2];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'cdk-wiring-'));
    const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64';
    const settings = ['-c', 'compute=cpu', '-c', `architecture=${architecture}`, '-c', 'stackName=Wired'];
    const synth = ['node_modules/aws-cdk/bin/cdk', 'synth', '--quiet', '--output', join(directory, 'out'), ...settings];
    await run(process.execPath, synth, { cwd: root });
    moto = await startMoto();
    const { AWS_ENDPOINT_URL: endpoint = '' } = moto.environment;
    proxy = await startRecordingProxy(endpoint, motoAccount, motoRegion);
    day = await startBadDayProxy(proxy.endpoint, 0, 1);
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
    output = store('OutputBucket');
    watch = createAwsPictures(watched(), clients.sqs, stack.output('ModelId'));
    functions = ['Preprocess', 'Backfill'].map(startFunction);
    worker = startWorker(workerEnvironment());
    await worker.says('"ready"');
  });

  afterAll(async () => {
    worker?.signal('SIGKILL');
    await Promise.all((functions ?? []).map((lambda) => lambda.stop()));
    for (const client of Object.values(clients)) client.destroy();
    await day?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await moto?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Lists outcomes only: the output bucket also holds the model's files. */
  function watched(): WatchedStack {
    const url = stack.output('ResultEventsQueueUrl');
    const events = createSqsQueue({ client: clients.sqs, url, maxReceiveCount });
    return {
      input,
      output: { ...output, list: () => output.list({ prefix: 'results' }) },
      uploadsUrl: stack.output('UploadsQueueUrl'),
      tokensUrl: stack.output('TokensQueueUrl'),
      events: () => takeEvents(events),
    };
  }

  function startFunction(name: string): Lambda {
    const { Environment: environment, Timeout: timeout } = stack.properties('AWS::Lambda::Function', `${name}Handler`);
    const { EventSourceArn: source } = stack.properties('AWS::Lambda::EventSourceMapping', `${name}Messages`);
    const folders = readdirSync(join(directory, 'out')).map((folder) => join(directory, 'out', folder));
    return startLambda({
      sqs: clients.sqs,
      queueArn: stack.resolve(source),
      queueUrl: stack.output(name === 'Backfill' ? 'BackfillQueueUrl' : 'UploadsQueueUrl'),
      environment: { ...resolved(environment.Variables), ...as(`${name}Role`) },
      timeoutMs: timeout * 1000,
      bundle: folders.find((folder) => existsSync(join(folder, 'index.mjs'))) ?? '',
    });
  }

  function workerEnvironment(): Record<string, string> {
    const { ContainerDefinitions: containers } = stack.properties('AWS::ECS::TaskDefinition');
    const cache = join(directory, 'cache');
    mkdirSync(cache);
    const variables = containers[0].Environment.map(({ Name, Value }: { Name: string; Value: unknown }) => [
      Name,
      Value,
    ]);
    // A folder stands for the container's volume.
    return { ...resolved(Object.fromEntries(variables)), ...as('WorkerTaskRole'), MODEL_CACHE: cache, TMPDIR: cache };
  }

  /** The emulator's address, and an access key that names the role. */
  function as(role: string): Record<string, string> {
    return { ...moto.environment, AWS_ENDPOINT_URL: day.endpoint, AWS_ACCESS_KEY_ID: role };
  }

  function resolved(variables: Record<string, unknown>): Record<string, string> {
    const at = (value: unknown): string => stack.resolve(value).replace(proxy.endpoint, day.endpoint);
    return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, at(value)]));
  }

  /** Waits for an outcome; returns its status, or its failure code. */
  async function outcomeOf(key: string): Promise<string> {
    for (;;) {
      const read = await output.get(outcomeKey(stack.output('ModelId'), key));
      const outcome = read.status === 'found' ? parseOutcome(read.body) : undefined;
      if (outcome !== undefined) return outcome.status === 'failed' ? outcome.error.code : outcome.status;
      await clock.sleep(200);
    }
  }

  test('uploaded pictures and other files have outcomes', async () => {
    for (const file of ['cat.jpg', 'cat-sideways.jpg']) await input.put(file, readFileSync(join(pictures, file)));
    await input.put('Ä b+c/no picture.txt', new TextEncoder().encode('no picture'));

    for (const [key, outcome] of Object.entries(expected)) expect(await outcomeOf(key)).toBe(outcome);
  });

  test('each outcome was sent to the result-events queue', async () => {
    await watch.quiet();
    await watch.check(expected);
  });

  test('preprocess woke the service', async () => {
    expect(await stack.desiredCount()).toBe(1);
  });

  test('a reference in the backfill queue restores a deleted outcome', async () => {
    await output.delete(outcomeKey(stack.output('ModelId'), 'cat.jpg'));
    const backfill = createSqsQueue({ client: clients.sqs, url: stack.output('BackfillQueueUrl'), maxReceiveCount });
    await backfill.send([JSON.stringify({ schema_version: 1, type: 'reference', key: 'cat.jpg' })]);

    expect(await outcomeOf('cat.jpg')).toBe('succeeded');
  });

  test('the outcome of a deleted picture is deleted', async () => {
    await input.delete('cat-sideways.jpg');
    const at = outcomeKey(stack.output('ModelId'), 'cat-sideways.jpg');
    while ((await output.get(at)).status === 'found') await clock.sleep(200);

    delete expected['cat-sideways.jpg'];
    expect(await outcomeOf('cat.jpg')).toBe('succeeded');
  });

  test('no invocation failed, and no message was redelivered', () => {
    for (const { errors, failures } of functions) {
      expect(errors).toEqual([]);
      expect(failures).toEqual([]);
    }
  });

  test('300 pictures, 40 bad, some put twice, overwritten or deleted at once, have one outcome each despite faults', async () => {
    // One in twenty attempts fails; each request has four.
    day.share = 0.05;
    const good = ['cat.jpg', 'cat-sideways.jpg'].map((file) => readFileSync(join(pictures, file)));
    const [cat = new Uint8Array(), other = cat] = good;
    const bad: [Uint8Array, string][] = [
      [new Uint8Array(), 'empty_object'],
      [new TextEncoder().encode('no picture'), 'unsupported_format'],
      [cat.subarray(0, 300), 'corrupt_image'],
      [
        new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
        'unsupported_format',
      ],
    ];
    for (let i = 0; i < 300; i++) {
      // Some keys have the maximal length: their outcomes have other keys.
      const key = i % 50 === 7 ? `long/${i}/`.padEnd(1024, 'k') : `many/${i}.jpg`;
      const [body, outcome] = bad[i < 40 ? i % bad.length : bad.length] ?? [i % 2 === 0 ? cat : other, 'succeeded'];
      await input.put(key, body);
      expected[key] = outcome;
      if (i % 15 === 0) await input.put(key, body);
      if (i % 15 === 5) {
        await input.put(key, other);
        expected[key] = 'succeeded';
      }
      if (i % 15 === 10) {
        await input.delete(key);
        delete expected[key];
      }
    }
    await watch.quiet();
    await watch.check(expected);

    day.share = 0;
    expect(Object.keys(expected)).toHaveLength(300 - 20 + 2);
    for (const [mishap, times] of Object.entries(day.mishaps)) expect(times, mishap).toBeGreaterThan(0);
    for (const { errors } of functions) expect(errors).toEqual([]);
    process.stdout.write(`300 pictures on a bad day, 0 lost, 0 wrong: ${JSON.stringify(day.mishaps)}\n`);
    expect(await watch.waiting(stack.output('UploadsDeadLettersUrl'))).toBe(0);
    expect(await watch.waiting(stack.output('TokensDeadLettersUrl'))).toBe(0);
  }, 420_000);

  test.each([
    ['PreprocessRole', 8],
    ['BackfillRole', 4],
    ['WorkerTaskRole', 6],
  ])('the policy of %s allows every call that it made', (role, kinds) => {
    const { PolicyDocument: document } = stack.properties('AWS::IAM::Policy', `${role}DefaultPolicy`);
    const calls = proxy.calls.filter(({ who }) => who === role);

    expect(calls.filter((call) => !allows(document.Statement, call, stack.resolve))).toEqual([]);
    expect(new Set(calls.map(({ action }) => action)).size).toBeGreaterThanOrEqual(kinds);
  });

  test('a call that no policy allows would be found', () => {
    const { PolicyDocument: document } = stack.properties('AWS::IAM::Policy', 'WorkerTaskRoleDefaultPolicy');
    const resource = `arn:aws:s3:::${stack.output('InputBucket')}/cat.jpg`;
    const may = (action: string) => allows(document.Statement, { who: '', action, resource }, stack.resolve);

    expect(may('s3:GetObject')).toBe(true);
    expect(may('s3:PutObject')).toBe(false);
  });

  test('igpt smoke sends a picture through the stack and leaves nothing behind', async () => {
    const made = Object.values(stackOutputs).filter((name) => ![...unmade, ...withoutResource].includes(name));
    const outputs = Object.fromEntries(made.map((name) => [name, stack.output(name)]));
    const rest = Object.fromEntries(unmade.map((name) => [name, `arn:aws:sns:${motoRegion}:${motoAccount}:${name}`]));
    await writeOutputs(moto, 'Wired', { ...rest, ...outputs });
    const { code, stdout, stderr } = await igpt(['smoke', '--stack', 'Wired', '--json'], { env: moto.environment });

    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('event received') });
    expect(JSON.parse(stdout)).toMatchObject({ status: 'succeeded', label: expect.any(String) });
    for await (const { key } of input.list({ prefix: 'igpt-smoke/' })) expect.fail(`${key} is still there`);
  });

  test('the worker ends on SIGTERM', async () => {
    worker.signal('SIGTERM');

    expect(await worker.exited).toBe(0);
  });
});
