import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { ECSClient } from '@aws-sdk/client-ecs';
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { SubscribeCommand } from '@aws-sdk/client-sns';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEcsClient, createS3Client, createSnsClient, createSqsClient } from '../../lib/aws/clients.ts';
import { createSnsEventSink } from '../../lib/aws/sns-event-sink.ts';
import { eventOf } from '../../lib/contracts/event.ts';
import type { Outcome } from '../../lib/contracts/outcome.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { type DeployedStack, readDeployedStack } from '../../lib/operate/deployed-stack.ts';
import { queueNameOf } from '../../lib/operate/stack-queues.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import { awsWorld, deleteBucket } from '../prove-aws/aws-world.ts';
import { parseProofOptions } from '../prove-aws/proof-options.ts';
import { type ProofPicture, proofPictures } from '../prove-aws/proof-pictures.ts';
import { proofReport } from '../prove-aws/proof-report.ts';
import { type ProofWorld, prove } from '../prove-aws/prove.ts';
import { clientConfig, deployIntoMoto } from '../support/deployed-in-moto.ts';
import { type Moto, motoAccount, motoMissing, motoRegion, startMoto } from '../support/moto.ts';
import { json, type ScriptedAws, startScriptedAws } from '../support/scripted-aws.ts';

// `npm run prove:aws` without an account: buckets, queues and topic are in the emulator, and the test plays the tasks.

const missing = await motoMissing();
const run = promisify(execFile);

describe.skipIf(missing !== undefined)(`prove:aws on moto${missing === undefined ? '' : `: ${missing}`}`, () => {
  let moto: Moto;
  let stack: DeployedStack;
  const clients = {} as Parameters<typeof awsWorld>[1] & { sns: ReturnType<typeof createSnsClient> };

  beforeAll(async () => {
    moto = await startMoto();
    await deployIntoMoto(moto, 'ImageGpt');
    Object.assign(process.env, moto.environment);
    stack = await readDeployedStack(new CloudFormationClient(clientConfig(moto)), 'ImageGpt');
    const made = { s3: createS3Client(), sqs: createSqsClient(), sns: createSnsClient(), ecs: createEcsClient() };
    Object.assign(clients, made);
    // moto's CloudFormation does not make this subscription.
    const { resultsTopicArn: TopicArn, resultEventsQueueUrl: url } = stack.outputs;
    const Endpoint = `arn:aws:sqs:${motoRegion}:${motoAccount}:${queueNameOf(url)}`;
    const Attributes = { RawMessageDelivery: 'true' };
    await made.sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes }));
  });
  afterAll(async () => {
    for (const client of Object.values(clients)) client.destroy();
    await moto?.[Symbol.asyncDispose]();
  });

  /** Plays the stack's tasks: one stores `outcomeOf` each picture; after `kill`, a second one does the other half. */
  function played(pictures: readonly ProofPicture[], outcomeOf: (picture: ProofPicture, etag: string) => Outcome) {
    const lines: string[] = [];
    const world = awsWorld(stack.outputs, clients, (line) => lines.push(line));
    const sink = createSnsEventSink({ client: clients.sns, topicArn: stack.outputs.resultsTopicArn });
    const done = new Set<string>();
    let killed = false;
    let stopped = false;
    const working = work();

    async function work(): Promise<void> {
      while (!stopped) {
        for await (const { key, etag } of world.input.list()) {
          const picture = pictures.find((candidate) => candidate.key === key);
          if (picture === undefined || done.has(key)) continue;
          // The second half waits until the first task is killed.
          if (done.size >= pictures.length / 2 && !killed) continue;
          const outcome = outcomeOf(picture, etag);
          const at = outcomeKey(outcome.model, key);
          await world.output.put(at, new TextEncoder().encode(JSON.stringify(outcome)));
          const event = eventOf(outcome, at);
          await sink.publish(done.size === 0 ? [event, event] : [event]);
          done.add(key);
        }
        await clock.sleep(20);
      }
    }

    const tasks: Pick<ProofWorld, 'running' | 'kill'> = {
      running: async () => (done.size > 0 && done.size < pictures.length ? 1 : 0),
      async kill() {
        killed = true;
        return 'task-1';
      },
    };
    return {
      lines,
      world: { ...world, ...tasks },
      async stop() {
        stopped = true;
        await working;
      },
    };
  }

  function outcomeOf({ key, expected }: ProofPicture, etag: string): Outcome {
    const about = { schema_version: 1, key, etag, model: stack.outputs.modelId } as const;
    const created_at = '2026-01-01T00:00:00.000Z';
    if (expected !== 'succeeded')
      return { ...about, created_at, status: 'failed', error: { code: expected, message: 'no' } };
    return {
      ...about,
      created_at,
      status: 'succeeded',
      classification: null,
      features: null,
      likelihood: null,
      image: { format: 'jpeg', width: 1, height: 1, bytes: 1 },
      provider: 'cpu',
      precision: 'f32',
      onnxruntime: '1',
    };
  }

  test('starts from zero, kills a task, finds every outcome, and deletes the buckets', async () => {
    const pictures = proofPictures(30, 8);
    const { world, lines, stop } = played(pictures, outcomeOf);
    const figures = await prove(world, { pictures, limitMs: 30_000, pollMs: 50 });
    await stop();

    expect(figures.verdict).toEqual({ right: 30, repeatedEvents: 1, wrong: [] });
    expect(figures).toMatchObject({ killed: 'task-1', deadLetters: 0 });
    expect(lines).toContain('killed task-1');
    const report = proofReport(parseProofOptions([]), { name: 'ImageGptProof', region: 'us-east-1' }, figures, 600);
    expect(report).toMatch(/^right outcomes +30 of 300$/m);
    expect(report).toMatch(/^deploy +600 s$/m);

    for (const Bucket of [stack.outputs.inputBucket, stack.outputs.outputBucket]) {
      await deleteBucket(clients.s3, Bucket);
      await expect(clients.s3.send(new HeadBucketCommand({ Bucket }))).rejects.toMatchObject({ name: 'NotFound' });
    }
  });

  test('refuses an existing stack before it asks', async () => {
    const command = run(process.execPath, ['test/prove-aws/main.ts', '--stack', 'ImageGpt'], {
      cwd: repositoryRoot,
      env: { ...process.env, ...moto.environment },
    });

    await expect(command).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected a new stack, but ImageGpt exists, and its buckets would be deleted'),
    });
  });

  test('without a terminal prints the cost, and does nothing without --yes', async () => {
    const command = run(process.execPath, ['test/prove-aws/main.ts'], {
      cwd: repositoryRoot,
      env: { ...process.env, ...moto.environment },
    });

    await expect(command).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /this should cost about 0\.\d\d USD, and at most about \d+\.\d\d USD.*\n.*add --yes/,
      ),
    });
  });
});

describe('the tasks of prove:aws', () => {
  let aws: ScriptedAws;
  beforeEach(async () => {
    aws = await startScriptedAws();
  });
  afterEach(() => aws[Symbol.asyncDispose]());

  function world() {
    const outputs = { cluster: 'c', service: 'spot', onDemandService: 'demand' } as Parameters<typeof awsWorld>[0];
    const ecs = new ECSClient(aws.config);
    return awsWorld(outputs, { s3: createS3Client(), sqs: createSqsClient(), ecs }, () => {});
  }

  test('are counted in both services', async () => {
    aws.answer(json({ services: [{ runningCount: 1 }, { runningCount: 2 }] }));

    expect(await world().running()).toBe(3);
    expect(JSON.parse(aws.requests[0]?.body ?? '')).toEqual({ cluster: 'c', services: ['spot', 'demand'] });
  });

  test('are stopped, on Spot first', async () => {
    aws.answer(json({ taskArns: [] }), json({ taskArns: ['arn:aws:ecs:us-east-1:1:task/c/abc'] }), json({}));

    expect(await world().kill()).toBe('abc');
    expect(JSON.parse(aws.requests[2]?.body ?? '')).toMatchObject({
      cluster: 'c',
      task: 'arn:aws:ecs:us-east-1:1:task/c/abc',
    });
  });

  test('are not stopped if none runs', async () => {
    aws.answer(json({ taskArns: [] }), json({ taskArns: [] }));

    expect(await world().kill()).toBeUndefined();
  });
});
