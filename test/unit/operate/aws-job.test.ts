import type { BatchClient } from '@aws-sdk/client-batch';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endJob, findJob, hasEnded, submitJob } from '../../../lib/operate/aws-job.ts';
import { type FakeBatch, startFakeBatch } from '../../support/fake-batch.ts';

let batch: FakeBatch;
let client: BatchClient;
beforeEach(async () => {
  batch = await startFakeBatch();
  client = batch.client;
});
afterEach(() => batch[Symbol.asyncDispose]());

const submit = (children?: number, name = 'mine') =>
  submitJob(client, { queue: 'q', definition: 'd', name, environment: {}, children });

test('findJob finds the latest job of a name', async () => {
  expect(await findJob(client, 'q', 'mine')).toBeUndefined();
  await submit(2);
  await submit(undefined, 'another');
  await submit(3);
  expect(await findJob(client, 'q', 'mine')).toMatchObject({ jobId: 'job-3', arrayProperties: { size: 3 } });
});

test('a terminated job has ended', async () => {
  const id = await submit(2);
  const running = await findJob(client, 'q', 'mine');
  await endJob(client, id, 'enough');
  const ended = await findJob(client, 'q', 'mine');

  expect([running, ended].map((job) => job && hasEnded(job))).toEqual([false, true]);
});
