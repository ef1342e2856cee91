import type { BatchClient } from '@aws-sdk/client-batch';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endJob, findJob, submitJob } from '../../../lib/operate/aws-job.ts';
import { readJobState } from '../../../lib/operate/job-state.ts';
import { type FakeBatch, startFakeBatch } from '../../support/fake-batch.ts';

let batch: FakeBatch;
let client: BatchClient;
beforeEach(async () => {
  batch = await startFakeBatch();
  client = batch.client;
});
afterEach(() => batch[Symbol.asyncDispose]());

const now = new Date(1_000_000);
const submit = (children?: number, name = 'mine') =>
  submitJob(client, { queue: 'q', definition: 'd', name, environment: {}, children });

async function stateOf(name = 'mine') {
  const job = await findJob(client, 'q', name);
  if (job === undefined) throw new RangeError(`Expected a job ${name}.`);
  return readJobState(client, job, now);
}

test('children of an array job are counted, with the time of those that run or ended', async () => {
  await submit(5);
  Object.assign(batch.children[0] ?? {}, { status: 'SUCCEEDED', startedAt: 0, stoppedAt: 100_000 });
  Object.assign(batch.children[1] ?? {}, { status: 'SUCCEEDED', startedAt: 0, stoppedAt: 200_000 });
  Object.assign(batch.children[2] ?? {}, { status: 'RUNNING', startedAt: 970_000 });
  Object.assign(batch.children[3] ?? {}, { status: 'FAILED', container: { exitCode: 1 }, statusReason: 'Essential' });
  Object.assign(batch.children[4] ?? {}, { statusReason: 'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY' });

  expect(await stateOf()).toEqual({
    id: 'job-1',
    status: 'PENDING',
    childSeconds: 150,
    machineSeconds: 330,
    children: { waiting: 1, starting: 0, running: 1, succeeded: 2, failed: 1 },
    waitsFor: 'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY',
    failures: [{ reason: 'Essential; exit code 1', children: 1, child: 'job-1:3' }],
  });
});

test('a job without children counts as its own only child', async () => {
  await submit();
  expect(await stateOf()).toMatchObject({ children: { waiting: 1, running: 0 }, waitsFor: null });
  Object.assign(batch.jobs[0] ?? {}, { status: 'RUNNING', startedAt: 940_000 });
  expect(await stateOf()).toMatchObject({ children: { waiting: 0, running: 1 }, machineSeconds: 60 });
});

test('terminating a job fails its children, with the reason', async () => {
  await endJob(client, await submit(2), 'enough');

  expect(await stateOf()).toMatchObject({ failures: [{ reason: 'enough', children: 2 }] });
});
