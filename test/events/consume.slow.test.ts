import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import { maxReceiveCount } from '../../lib/contracts/delivery.ts';
import { type Moto, motoMissing, startMoto } from '../support/moto.ts';
import { seededRandom } from '../support/seeded-random.ts';

const missing = await motoMissing();
const events = 1000;
const kills = 50;
const child = join(import.meta.dirname, 'consuming-child.ts');

describe.skipIf(missing !== undefined)(`a consumer on moto${missing === undefined ? '' : `: ${missing}`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'consume-'));
  const log = join(folder, 'handled.txt');
  // Compiled code, as most of a short run is the start.
  const NODE_COMPILE_CACHE = join(folder, 'compiled');
  let moto: Moto;
  let sqs: SQSClient;
  let queueUrl: string;

  beforeAll(async () => {
    moto = await startMoto();
    // A killed process writes no cache; one without a queue ends at once.
    execFileSync(process.execPath, [child], { env: { ...process.env, NODE_COMPILE_CACHE } });
    const { AWS_ENDPOINT_URL: endpoint = '', AWS_REGION: region = '' } = moto.environment;
    sqs = new SQSClient({ endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
    ({ QueueUrl: queueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'events' })));
    const bodies = Array.from({ length: events }, (_, i) => bodyOf(keyOf(i)));
    await createSqsQueue({ client: sqs, url: queueUrl, maxReceiveCount }).send(bodies);
  });
  afterAll(async () => {
    sqs?.destroy();
    await moto?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(seed: number): ChildProcess {
    return spawn(process.execPath, [child], {
      env: {
        ...process.env,
        ...moto.environment,
        NODE_COMPILE_CACHE,
        QUEUE_URL: queueUrl,
        LOG: log,
        SEED: String(seed),
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  }

  const handled = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);

  test(`handles each of ${events} events at least once, although one call in 20 fails and it is killed ${kills} times`, async () => {
    const random = seededRandom(1);
    for (let kill = 1; kill <= kills; kill++) {
      const before = handled().length;
      const consumer = start(kill);
      // Kill it in the middle of its work, not while it starts.
      while (handled().length === before && new Set(handled()).size < events) await sleep(20);
      await sleep(200 * random());
      consumer.kill('SIGKILL');
      await once(consumer, 'exit');
    }
    const last = start(0);
    await expect.poll(() => left(), { timeout: 300_000, interval: 500 }).toBe(0);
    last.kill('SIGTERM');
    expect(await once(last, 'exit')).toEqual([0, null]);

    expect(new Set(handled())).toEqual(new Set(Array.from({ length: events }, (_, i) => keyOf(i))));
  });

  /** Messages that are not deleted. */
  async function left(): Promise<number> {
    const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const { Attributes: counts = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...AttributeNames] }),
    );
    return AttributeNames.reduce((sum, name) => sum + Number(counts[name]), 0);
  }
});

function keyOf(i: number): string {
  return `picture-${i}.jpg`;
}

function bodyOf(key: string): string {
  return JSON.stringify({
    ...{
      type: 'result',
      schema_version: 1,
      key,
      etag: '"1"',
      model: 'nano-1',
      result_key: `results/nano-1/${key}.json`,
    },
    ...{ status: 'succeeded', label: 'cat', probability: 0.75 },
  });
}
