import { once } from 'node:events';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ListSubscriptionsByTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import {
  ListQueuesCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  TagQueueCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSnsEventSink } from '../../lib/aws/sns-event-sink.ts';
import { eventOf, type PipelineEvent } from '../../lib/contracts/event.ts';
import type { Outcome } from '../../lib/contracts/outcome.ts';
import { type DeployedStack, readDeployedStack } from '../../lib/operate/deployed-stack.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import { type Finished, finished, igpt, startIgpt } from '../cli/igpt-process.ts';
import { clientConfig, deployIntoMoto } from '../support/deployed-in-moto.ts';
import { type Moto, motoMissing, startMoto } from '../support/moto.ts';

// The commands, each in its own process, with the template's resources in the emulator.

const missing = await motoMissing();

describe.skipIf(missing !== undefined)(
  `commands on a deployed stack${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    let moto: Moto;
    let stack: DeployedStack;
    let sqs: SQSClient;
    let s3: S3Client;
    let sns: SNSClient;

    const run = (...args: string[]): Promise<Finished> => igpt([...args, '--stack', 'Mine'], { env: moto.environment });
    const send = (QueueUrl: string, MessageBody: string) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    const reference = (key: string): string => JSON.stringify({ schema_version: 1, type: 'reference', key });

    async function bodies(QueueUrl: string): Promise<string[]> {
      const found: string[] = [];
      for (;;) {
        const about = { QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 2, WaitTimeSeconds: 0 };
        const { Messages: messages = [] } = await sqs.send(new ReceiveMessageCommand(about));
        if (messages.length === 0) return found.toSorted();
        found.push(...messages.map(({ Body: body = '' }) => body));
      }
    }

    /** URLs of the temporary queues of commands. */
    async function taps(): Promise<string[]> {
      const { QueueUrls: urls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'Mine-igpt-tap-' }));
      return urls;
    }

    async function subscriptions(): Promise<number> {
      const about = { TopicArn: stack.outputs.resultsTopicArn };
      const { Subscriptions: found = [] } = await sns.send(new ListSubscriptionsByTopicCommand(about));
      return found.length;
    }

    async function publish(...events: PipelineEvent[]): Promise<void> {
      await createSnsEventSink({ client: sns, topicArn: stack.outputs.resultsTopicArn }).publish(events);
    }

    function outcome(key: string, label: string | null): Outcome {
      const about = {
        schema_version: 1,
        key,
        etag: '"e"',
        model: stack.outputs.modelId,
        created_at: '2026-11-24T12:00:00Z',
      } as const;
      if (label === null) return { ...about, status: 'failed', error: { code: 'corrupt_image', message: 'no' } };
      const best = { label, index: 0, probability: 0.5 };
      return {
        ...about,
        status: 'succeeded',
        image: { format: 'jpeg', width: 1, height: 1, bytes: 1 },
        classification: { ...best, top5: [best] },
        features: null,
        likelihood: null,
        provider: 'cpu',
        precision: 'f32',
        onnxruntime: '1',
      };
    }

    const event = (key: string, label: string | null) => eventOf(outcome(key, label), `results/${key}.json`);

    beforeAll(async () => {
      moto = await startMoto();
      await deployIntoMoto(moto);
      const config = { ...clientConfig(moto), useQueueUrlAsEndpoint: false };
      [sqs, s3, sns] = [new SQSClient(config), new S3Client(config), new SNSClient(config)];
      stack = await readDeployedStack(new CloudFormationClient(config), 'Mine');
    });

    afterAll(() => moto[Symbol.asyncDispose]());

    test('status prints queues, dead letters and throughput', async () => {
      await send(stack.outputs.uploadsQueueUrl, reference('a.jpg'));
      await send(stack.outputs.tokensDeadLettersUrl, 'no JSON');
      await new CloudWatchClient(clientConfig(moto)).send(
        new PutMetricDataCommand({
          Namespace: stack.outputs.metricNamespace,
          MetricData: [
            {
              MetricName: 'PicturesSucceeded',
              Dimensions: [{ Name: 'service', Value: 'worker' }],
              Timestamp: new Date(Date.now() - 150_000),
              Value: 600,
            },
          ],
        }),
      );
      const [lines, { stdout }] = await Promise.all([run('status'), run('status', '--json')]);

      expect(lines.stderr).toBe('');
      expect(lines.stdout).toMatch(/1 dead letters: .* --stack Mine shows why/);
      expect(JSON.parse(stdout)).toMatchObject({
        stack: 'Mine',
        outstanding_pictures: 1,
        pictures_per_second: 2,
        queues: [{ queue: 'uploads', messages: 1 }, {}, {}, {}],
        dead_letters: [{}, { queue: 'tokens', messages: 1 }, {}],
        tasks: [{ service: 'worker', desired: 0 }, { service: 'on-demand' }],
        cost_brake: { state: 'released' },
      });
      for (const QueueUrl of [stack.outputs.uploadsQueueUrl, stack.outputs.tokensDeadLettersUrl]) {
        await sqs.send(new PurgeQueueCommand({ QueueUrl }));
      }
    });

    test('redrive moves valid messages back, and names the invalid one', async () => {
      const { uploadsDeadLettersUrl: dead, uploadsQueueUrl: uploads } = stack.outputs;
      const good = Array.from({ length: 12 }, (_, i) => reference(`${i}.jpg`));
      for (const body of [...good, 'no JSON']) await send(dead, body);

      const dry = await run('redrive', '--dry-run', '--json');
      expect(JSON.parse(dry.stdout).queues[0]).toMatchObject({ queue: 'uploads', messages: 13, moved: 0, stayed: 13 });
      expect(await bodies(uploads)).toEqual([]);

      const { code, stdout, stderr } = await run('redrive');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('12 messages moved back');
      expect(stdout).toContain('1 message unreadable');
      expect(stdout).toMatch(/in JSON.*\n {2}for instance no JSON\n/);
      expect(await bodies(uploads)).toEqual(good.toSorted());
      expect(await bodies(dead)).toEqual(['no JSON']);
      await sqs.send(new PurgeQueueCommand({ QueueUrl: dead }));
    });

    test('tail prints the events that match its filter, and removes its queue', async () => {
      const tail = startIgpt(['tail', '--stack', 'Mine', '--label', 'ship', '--label', 'truck', '-n', '2'], {
        env: moto.environment,
      });
      const end = finished(tail);
      await once(tail.stderr, 'data');
      expect(await taps()).toHaveLength(1);
      await publish(event('a.jpg', 'ship'), event('b.jpg', 'cat'), event('c.jpg', null), event('d.jpg', 'truck'));
      const { code, stdout } = await end;

      expect(code).toBe(0);
      const keys = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).key);
      expect(keys.toSorted()).toEqual(['a.jpg', 'd.jpg']);
      expect(await taps()).toEqual([]);
      expect(await subscriptions()).toBe(0);
    });

    test('tail removes its queue when it is interrupted', async () => {
      const tail = startIgpt(['tail', '--stack', 'Mine', '--status', 'failed'], { env: moto.environment });
      const end = finished(tail);
      await once(tail.stderr, 'data');
      await publish(event('a.jpg', 'ship'), event('b.jpg', null));
      const [first] = await once(tail.stdout, 'data');
      tail.kill('SIGINT');
      const { code, signal } = await end;

      expect(JSON.parse(String(first))).toMatchObject({ key: 'b.jpg', status: 'failed' });
      expect(code ?? signal).toBe(130);
      expect(await taps()).toEqual([]);
    });

    test('doctor finds the queue of a killed tail after its last heartbeat, and --clean removes it', async () => {
      const tail = startIgpt(['tail', '--stack', 'Mine'], { env: moto.environment });
      const end = finished(tail);
      await once(tail.stderr, 'data');
      tail.kill('SIGKILL');
      await end;
      const [url = ''] = await taps();
      const early = await run('doctor', '--clean');
      const { Tags: tags = {} } = await sqs.send(new ListQueueTagsCommand({ QueueUrl: url }));
      const [heartbeat = ''] = Object.keys(tags);
      await sqs.send(new TagQueueCommand({ QueueUrl: url, Tags: { [heartbeat]: '2026-01-01T00:00:00Z' } }));
      const found = await run('doctor');
      const cleaned = await run('doctor', '--clean');

      expect(early.stdout).toContain('nothing was left behind');
      expect(found.stdout).toContain(`has left queue ${url.split('/').at(-1)}`);
      expect(cleaned.stdout).toBe(`removed queue ${url.split('/').at(-1)}\n`);
      expect([await taps(), await subscriptions()]).toEqual([[], 0]);
    });

    /** Plays the pipeline for one picture: waits for it, stores its outcome and publishes its event. */
    async function playPipeline(label: string | null): Promise<void> {
      const { inputBucket, outputBucket, modelId } = stack.outputs;
      for (;;) {
        const listed = await s3.send(new ListObjectsV2Command({ Bucket: inputBucket, Prefix: 'igpt-smoke/' }));
        const key = listed.Contents?.[0]?.Key;
        if (key === undefined) continue;
        const Key = outcomeKey(modelId, key);
        const done = outcome(key, label);
        await s3.send(new PutObjectCommand({ Bucket: outputBucket, Key, Body: JSON.stringify(done) }));
        return publish(event('other.jpg', label), eventOf(done, Key));
      }
    }

    async function stored(): Promise<number> {
      const { inputBucket, outputBucket } = stack.outputs;
      const counts = await Promise.all(
        [inputBucket, outputBucket].map((Bucket) => s3.send(new ListObjectsV2Command({ Bucket }))),
      );
      return counts.reduce((sum, { KeyCount: count = 0 }) => sum + count, 0);
    }

    test('smoke reports each stage of its picture, and leaves nothing behind', async () => {
      const [{ code, stdout, stderr }] = await Promise.all([run('smoke', '--json'), playPipeline('ship')]);

      expect(code).toBe(0);
      expect(stderr).toMatch(/picture stored\n.*outcome stored\n.*event received\n$/);
      expect(JSON.parse(stdout)).toMatchObject({
        stack: 'Mine',
        status: 'succeeded',
        label: 'ship',
        probability: 0.5,
        stages: [{ stage: 'picture stored' }, { stage: 'outcome stored' }, { stage: 'event received' }],
      });
      expect([await stored(), await taps()]).toEqual([0, []]);
    });

    test('smoke fails with the code of the outcome', async () => {
      const [{ code, stderr }] = await Promise.all([run('smoke'), playPipeline(null)]);

      expect(code).toBe(1);
      expect(stderr).toMatch(/igpt: the outcome of the picture igpt-smoke\/\S+ is a failure: corrupt_image, no\n$/);
      expect(await stored()).toBe(0);
    });

    test('smoke says where the picture waits when it times out, and leaves nothing behind', async () => {
      await send(stack.outputs.uploadsQueueUrl, reference('other.jpg'));
      const { code, stderr } = await run('smoke', '--timeout', '1');

      expect(code).toBe(1);
      expect(stderr).toMatch(/igpt: nothing came within 1 s; \d+ messages are in the uploads queue.*\n$/);
      expect([await stored(), await taps()]).toEqual([0, []]);
    });

    test('doctor lists what a deployment lacks', async () => {
      const model = `s3://${stack.outputs.outputBucket}/models/half`;
      await s3.send(
        new PutObjectCommand({ Bucket: stack.outputs.outputBucket, Key: 'models/half/config.json', Body: '{}' }),
      );
      const { code, stdout, stderr } = await run('doctor', '--json', '--model', model, '-c', 'imageBuild=codebuild');
      const { ok, checks } = JSON.parse(stdout);
      const named = (name: string) => checks.find((check: { name: string }) => check.name === name);

      expect({ code, ok }).toEqual({ code: 1, ok: false });
      expect(stderr).toMatch(/^igpt: 2 of \d+ checks failed/);
      expect(named('region')).toMatchObject({ level: 'ok', found: 'us-east-1' });
      expect(named('bootstrap')).toMatchObject({
        level: 'fail',
        advice: 'npx cdk bootstrap aws://123456789012/us-east-1',
      });
      expect(named('docker').level).toBe('ok');
      expect(named('model')).toMatchObject({
        level: 'fail',
        found: `${model} has no preprocessor_config.json, model.safetensors`,
      });
      expect(named('stack')).toMatchObject({ level: 'ok', found: expect.stringContaining('Mine is CREATE_COMPLETE') });
    });

    test('doctor --release does nothing if the cost brake does not hold', async () => {
      const { code, stdout } = await run('doctor', '--release');

      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: 'the cost brake of Mine does not hold; nothing to release\n',
      });
    });

    test('commands leave other objects of the stack alone', async () => {
      const about = { Bucket: stack.outputs.outputBucket, Key: 'models/half/config.json' };

      expect(await (await s3.send(new GetObjectCommand(about))).Body?.transformToString()).toBe('{}');
    });

    test.each(['status', 'smoke', 'redrive', 'tail'])(
      '%s lists the existing stacks if its stack is missing',
      async (verb) => {
        const { code, stdout, stderr } = await igpt([verb, '--stack', 'Nope'], { env: moto.environment });

        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        expect(stderr).toBe(
          'igpt: there is no stack Nope in us-east-1; Image GPT stacks there: Mine; give one with --stack, or another --region\n',
        );
      },
    );
  },
);
