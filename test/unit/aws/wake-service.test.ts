import { ECSClient } from '@aws-sdk/client-ecs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AwsError } from '../../../lib/aws/aws-error.ts';
import { createServiceWaker, wakeOnSend } from '../../../lib/aws/wake-service.ts';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import { TransientError } from '../../../lib/ports/error.ts';
import { json, jsonError, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

let aws: ScriptedAws;
let client: ECSClient;
let clock: VirtualClock;
let wake: () => Promise<void>;

beforeEach(async () => {
  aws = await startScriptedAws();
  client = new ECSClient(aws.config);
  clock = createVirtualClock();
  wake = createServiceWaker({ client, cluster: 'igpt', service: 'worker', clock });
});

afterEach(async () => {
  client.destroy();
  await aws[Symbol.asyncDispose]();
});

const services = (desiredCount: number, status = 'ACTIVE') => json({ services: [{ status, desiredCount }] });
const asked = (): string[] => aws.requests.map(({ headers }) => String(headers['x-amz-target']).replace(/^.*\./, ''));

describe('a service waker', () => {
  it('sets the desired count to 1 when it is 0', async () => {
    aws.answer(services(0), json({}));
    await wake();
    expect(asked()).toEqual(['DescribeServices', 'UpdateService']);
    expect(JSON.parse(aws.requests[1]?.body ?? '')).toEqual({ cluster: 'igpt', service: 'worker', desiredCount: 1 });
  });

  it('does not change a service that runs', async () => {
    aws.answer(services(3));
    await wake();
    expect(asked()).toEqual(['DescribeServices']);
  });

  it('checks the service once a minute, however often it is called', async () => {
    aws.answer(services(3), services(3));
    await Promise.all([wake(), wake(), wake()]);
    await wake();
    expect(aws.requests).toHaveLength(1);
    await clock.sleep(60_000);
    await wake();
    expect(aws.requests).toHaveLength(2);
  });

  it('checks again after an error', async () => {
    aws.answer(jsonError(400, 'ThrottlingException'), services(0), json({}));
    await expect(wake()).rejects.toThrow(TransientError);
    await wake();
    expect(aws.requests).toHaveLength(3);
  });

  it('fails when the service does not exist', async () => {
    aws.answer(json({ services: [] }), services(0, 'INACTIVE'));
    await expect(wake()).rejects.toThrow(AwsError);
    await expect(wake()).rejects.toThrow('INACTIVE');
  });
});

describe('a queue that wakes', () => {
  it('wakes the service after the send, and only reports a failure of that', async () => {
    const queue = createMemoryQueue({ clock, capacity: 10 });
    const sizes: number[] = [];
    const errors: unknown[] = [];
    const waking = wakeOnSend(
      queue,
      async () => {
        sizes.push(queue.size());
        throw new TransientError('aws_unavailable', 'no');
      },
      (error) => errors.push(error),
    );
    await waking.send(['a', 'b']);
    expect(sizes).toEqual([2]);
    expect(errors).toHaveLength(1);
  });
});
