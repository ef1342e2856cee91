import type { BatchClient } from '@aws-sdk/client-batch';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readMachines } from '../../../lib/operate/job-machines.ts';
import { type FakeBatch, startFakeBatch } from '../../support/fake-batch.ts';

let batch: FakeBatch;
let client: BatchClient;
beforeEach(async () => {
  batch = await startFakeBatch();
  client = batch.client;
});
afterEach(() => batch[Symbol.asyncDispose]());

test('machines have the Spot price of their most expensive type, and AWS’s problem', async () => {
  batch.environment = {
    state: 'ENABLED',
    status: 'VALID',
    statusReason: 'ComputeEnvironment Healthy',
    computeResources: { type: 'SPOT', instanceTypes: ['g4dn.xlarge', 'g5.xlarge'] },
  };
  const { usdPerHour, trouble } = await readMachines(client, 'q');
  // 40 % of 1.006, the address, and 60 GiB of disk.
  expect(usdPerHour).toBeCloseTo(0.4024 + 0.005 + (60 * 0.08) / 730, 6);
  expect(trouble).toBeNull();

  batch.environment.computeResources.instanceTypes = ['g6.48xlarge', 'g5.xlarge'];
  batch.environment.statusReason = 'CLIENT_ERROR - VcpuLimitExceeded';
  expect(await readMachines(client, 'q')).toMatchObject({
    usdPerHour: null,
    trouble: 'CLIENT_ERROR - VcpuLimitExceeded',
  });
});
