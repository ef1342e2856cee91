import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createEcsClient, createS3Client, createSnsClient, createSqsClient } from '../../lib/aws/clients.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import { maxReceiveCount } from '../../lib/contracts/delivery.ts';
import { jobSubmission, jobSummary } from '../../lib/contracts/job.ts';
import { underPrefix } from '../../lib/jobs/open-place.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import { imageGptApp } from '../cdk/synthesize.ts';
import { igpt } from '../cli/igpt-process.ts';
import { writeBadFiles, writePictures } from '../cli/picture-folder.ts';
import { deployBatch } from '../support/deploy-batch.ts';
import { type FakeBatch, startFakeBatch } from '../support/fake-batch.ts';
import { type Moto, motoAccount, motoMissing, motoRegion, startMoto } from '../support/moto.ts';
import { allows } from '../support/policy-allows.ts';
import { type RecordedCall, type RecordingProxy, startRecordingProxy } from '../support/recording-proxy.ts';
import { takeEvents } from '../support/take-events.ts';
import { createTemplateStack, type TemplateStack } from '../support/template-stack.ts';
import { startWorker, type WorkerProcess } from '../support/worker-process.ts';

// Runs the children of an AWS Batch job: each is a process with the image's entry and the environment of the template's
// job definition and of the submission. Children are killed and started again.

const missing = await motoMissing();
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

describe.skipIf(missing !== undefined)(`a data-set job on AWS${missing === undefined ? '' : `: ${missing}`}`, () => {
  let moto: Moto;
  let proxy: RecordingProxy;
  let batch: FakeBatch;
  let stack: TemplateStack;
  let folder: string;
  let bucket: ObjectStore;
  let environment: Record<string, string>;
  const clients = {} as Parameters<typeof createTemplateStack>[2];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'igpt-batch-'));
    const context = { batch: 'true', compute: 'cpu', stackName: 'Mine' };
    const { app } = imageGptApp({ ...context, model: 'lib/models/igpt-nano', modelId: undefined });
    const { directory } = app.synth();
    moto = await startMoto();
    proxy = await startRecordingProxy(moto.endpoint, motoAccount, motoRegion);
    batch = await startFakeBatch();
    environment = { ...moto.environment, AWS_ENDPOINT_URL_BATCH: batch.endpoint };
    Object.assign(process.env, moto.environment);
    Object.assign(clients, {
      s3: createS3Client(),
      sqs: createSqsClient(),
      sns: createSnsClient(),
      ecs: createEcsClient(),
    });
    stack = await createTemplateStack(directory, 'Mine', clients);
    bucket = createS3Store({ client: clients.s3, bucket: stack.output('OutputBucket'), clock });
    await deployBatch(moto, 'Mine', stack, batch);

    const pictures = join(folder, 'pictures');
    await writePictures(pictures, 14);
    writeBadFiles(pictures);
    const input = createS3Store({ client: clients.s3, bucket: stack.output('InputBucket'), clock });
    for (const name of readdirSync(pictures)) await input.put(`2026/${name}`, readFileSync(join(pictures, name)));
  });

  afterAll(async () => {
    for (const client of Object.values(clients)) client.destroy();
    await batch?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await moto?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const command = (...args: string[]) => igpt(args, { env: environment });
  const source = () => `s3://${stack.output('InputBucket')}/2026`;

  async function submit(): Promise<Record<string, unknown>> {
    const args = ['--out', 'first', '--shard-size', '6', '--stack', 'Mine', '--json'];
    const { code, stdout, stderr } = await command('batch', 'submit', source(), ...args);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  }

  /** Starts an attempt of a child. All attempts share one model cache. */
  function start(child: number): WorkerProcess {
    const submitted = batch.children[child]?.environment ?? {};
    const cache = { MODEL_CACHE: folder, TMPDIR: folder, XDG_CACHE_HOME: folder };
    const credentials = { ...moto.environment, AWS_ENDPOINT_URL: proxy.endpoint, AWS_ACCESS_KEY_ID: 'BatchRole' };
    return startWorker({ ...batch.definition, ...submitted, ...credentials, ...cache }, 'functions/batch/main.ts');
  }

  /** Starts a child and sends it the signal after a matching call. Resolves with its exit code; null after SIGKILL. */
  async function signalAt(child: number, signal: 'SIGKILL' | 'SIGTERM', matches: (call: RecordedCall) => boolean) {
    const earlierCalls = proxy.calls.length;
    const attempt = start(child);
    let running = true;
    attempt.exited.finally(() => {
      running = false;
    });
    while (running && !proxy.calls.slice(earlierCalls).some(matches)) await setTimeout(2);
    expect(running, attempt.lines.join('\n')).toBe(true);
    attempt.signal(signal);
    return attempt.exited;
  }

  /** Runs a child until it has succeeded. */
  async function complete(child: number): Promise<void> {
    const attempt = start(child);
    expect(await attempt.exited, attempt.lines.join('\n')).toBe(0);
    Object.assign(batch.children[child] ?? {}, { status: 'SUCCEEDED', startedAt: 0, stoppedAt: 36_000 });
  }

  const puts = (key: string) => (call: RecordedCall) =>
    call.action === 's3:PutObject' && call.resource.endsWith(`/batch/first/${key}`);
  const readsPicture = ({ action, resource }: RecordedCall): boolean =>
    action === 's3:GetObject' && resource.includes('/2026/');

  /** Contents of the output files, without those that contain times. */
  async function outputOf(name: string): Promise<Record<string, string>> {
    const place = underPrefix(bucket, `batch/${name}/`);
    const output: Record<string, string> = {};
    for await (const { key } of place.list()) {
      if (!/\.(parquet|json|jsonl)$|_SUCCESS$/.test(key) || /^_(summary|submission)\.json$/.test(key)) continue;
      const read = await place.get(key);
      output[key] = read.status === 'found' ? Buffer.from(read.body).toString('base64') : read.status;
    }
    return output;
  }

  test('is submitted as an array with a child for each shard; a second submission finds it', async () => {
    expect(await submit()).toMatchObject({ state: 'submitted', aws_job: 'job-1', shards: 3, pictures: 18 });
    expect(batch.jobs).toMatchObject([
      { size: 3, environment: { BATCH_OUT: expect.stringMatching(/\/batch\/first$/) } },
    ]);
    expect(await submit()).toMatchObject({ state: 'running', aws_job: 'job-1' });
    expect(batch.jobs).toHaveLength(1);
  });

  test('writes the bytes of an uninterrupted run, although children are killed and retried', async () => {
    await Promise.all([
      (async () => {
        expect(await signalAt(1, 'SIGTERM', readsPicture)).toBe(143);
        await complete(1);
      })(),
      (async () => {
        expect(await signalAt(0, 'SIGKILL', puts('part-00000.parquet'))).toBeNull();
        await complete(0);
      })(),
    ]);

    batch.environment = {
      state: 'ENABLED',
      status: 'VALID',
      statusReason: 'CLIENT_ERROR - MaxSpotInstanceCountExceeded',
      computeResources: { type: 'FARGATE_SPOT' },
    };
    const { stdout } = await command('batch', 'status', 'first', '--stack', 'Mine', '--json');
    const status = JSON.parse(stdout);
    expect(status).toMatchObject({
      done: false,
      shards: 3,
      shards_done: 2,
      pictures: 18,
      pictures_done: 12,
      seconds_left: null,
      waits_for: { kind: 'quota', reason: 'CLIENT_ERROR - MaxSpotInstanceCountExceeded' },
      aws_job: { id: 'job-1', status: 'PENDING', children: { waiting: 1, running: 0, succeeded: 2 } },
    });
    // Two children of 36 s each, at the price of Fargate Spot.
    expect(status.cost_usd).toBeCloseTo((72 / 3600) * ((4 * 0.04048 + 8 * 0.004445) * 0.3 + 0.005), 6);

    expect(await signalAt(2, 'SIGKILL', puts('_summary.json'))).toBeNull();
    await complete(2);
    const where = `s3://${stack.output('OutputBucket')}/batch/whole`;
    const whole = await command('batch', 'run', source(), '--out', where, '--shard-size', '6', '--json');
    expect(whole.code, whole.stderr).toBe(0);
    const output = await outputOf('first');
    expect(Object.keys(output)).toContain('part-00002.parquet');
    expect(output).toEqual(await outputOf('whole'));
  });

  test('counts all pictures in its summary, and publishes its event at least once', async () => {
    const read = await bucket.get('batch/first/_summary.json');
    const summary = jobSummary.parse(JSON.parse(Buffer.from('body' in read ? read.body : []).toString()));
    expect(summary).toMatchObject({ pictures: 18, succeeded: 14, failed: 4, last_run: { pictures: 18 } });
    const url = stack.output('ResultEventsQueueUrl');
    const events: unknown[] = await takeEvents(createSqsQueue({ client: clients.sqs, url, maxReceiveCount }));
    expect(events.length).toBeGreaterThanOrEqual(1);
    for (const event of events) {
      expect(event).toEqual({
        type: 'batch',
        job: summary.job,
        model: summary.model,
        shards: 3,
        pictures: 18,
        succeeded: 14,
        failed: 4,
        place: `s3://${stack.output('OutputBucket')}/batch/first`,
        failures: { corrupt_image: 1, empty_object: 1, unsupported_format: 2 },
      });
    }
  });

  test('submits only a missing shard, and can be cancelled', async () => {
    await bucket.delete('batch/first/part-00002.parquet');
    await bucket.delete('batch/first/_shards/00002.json');
    expect(await submit()).toMatchObject({ state: 'submitted', aws_job: 'job-2', shards: 1, pictures: 6 });
    expect(batch.jobs[1]?.size).toBeUndefined();
    const read = await bucket.get('batch/first/_submission.json');
    const text = Buffer.from('body' in read ? read.body : []).toString();
    expect(jobSubmission.parse(JSON.parse(text))).toMatchObject({ shards: [2], pictures: 6 });

    const { stdout } = await command('batch', 'cancel', 'first', '--stack', 'Mine', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ aws_job: 'job-2', shards: 3, shards_done: 2 });
    expect(batch.jobs[1]).toMatchObject({ status: 'FAILED', statusReason: 'igpt batch cancel' });
  });

  test('makes only calls that the role of its children allows', () => {
    const { PolicyDocument: document } = stack.properties('AWS::IAM::Policy', 'BatchRoleDefaultPolicy');
    const calls = proxy.calls.filter(({ who }) => who === 'BatchRole');
    expect(calls.filter((call) => !allows(document.Statement, call, stack.resolve))).toEqual([]);
    expect(new Set(calls.map(({ action }) => action))).toEqual(
      new Set(['s3:GetObject', 's3:PutObject', 's3:ListBucket', 'sns:Publish']),
    );
  });
});
