import { expect, test } from 'vitest';
import { jobStatusText } from '../../../../lib/cli/verbs/batch-status.ts';
import type { JobStatus } from '../../../../lib/operate/job-outlook.ts';
import { fakeJob as job } from '../../../support/job-world.ts';

const status: JobStatus = {
  at: new Date(2026, 0, 1, 12),
  stack: 'ImageGpt',
  job,
  place: 's3://out/batch/first',
  stored: new Set([0, 3]),
  machines: { instanceTypes: ['g6.xlarge'], usdPerHour: 0.36, trouble: null },
  aws: {
    id: 'job-1',
    status: 'PENDING',
    children: { waiting: 2, starting: 0, running: 0, succeeded: 2, failed: 0 },
    childSeconds: 3600,
    machineSeconds: 7200,
    waitsFor: 'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested',
    failures: [],
  },
};

test('the report shows a bar, the children, the cost and why children wait', () => {
  const text = jobStatusText(status);

  expect(text).toContain('job 0123456789abcdef at s3://out/batch/first, model fake-1, 12:00:00');
  expect(text).toMatch(/█+░+ 2\/4 shards · 18 of 38 pictures/);
  expect(text).toMatch(/PENDING +2 +0 +0 +2 +0/);
  expect(text).toContain('cost so far: about 0.72 USD (2:00:00 of g6.xlarge on Spot)');
  expect(text).toContain('capacity: AWS has no such machine on Spot now');
});
