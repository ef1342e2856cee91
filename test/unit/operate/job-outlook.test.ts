import { describe, expect, test } from 'vitest';
import { jobStatusText } from '../../../lib/cli/verbs/batch-status.ts';
import type { Job } from '../../../lib/contracts/job.ts';
import { type JobStatus, jobNotes, jobOutlook, waitingKind } from '../../../lib/operate/job-outlook.ts';
import type { JobState } from '../../../lib/operate/job-state.ts';
import { fakeSettings } from '../../support/batch-world.ts';

const job: Job = {
  ...{ schema_version: 1, id: '0123456789abcdef', settings: fakeSettings, pictures: 38 },
  shards: Array.from({ length: 4 }, (_, i) => ({ pictures: i === 3 ? 8 : 10, manifest: `${i}` })),
};

const none = { waiting: 0, starting: 0, running: 0, succeeded: 0, failed: 0 };

function state(aws: Partial<JobState> | undefined, changes: Partial<JobStatus> = {}): JobStatus {
  const idle = { id: 'job-1', status: 'PENDING', children: none, childSeconds: null, machineSeconds: 0 };
  return {
    ...{
      at: new Date(2026, 0, 1, 12),
      stack: 'ImageGpt',
      job,
      place: 's3://out/batch/first',
      stored: new Set<number>(),
    },
    machines: { instanceTypes: ['g6.xlarge'], usdPerHour: 0.36, trouble: null },
    ...(aws && { aws: { ...idle, waitsFor: null, failures: [], ...aws } }),
    ...changes,
  };
}

describe('how far a job on AWS is', () => {
  test('what is left takes as long as what has ended, by as many children as run', () => {
    const running = { children: { ...none, running: 2, succeeded: 1 }, childSeconds: 100, machineSeconds: 250 };
    expect(jobOutlook(state(running, { stored: new Set([0]) }))).toEqual({
      ...{ shards: 1, pictures: 10, shardsPerSecond: 0.02, secondsLeft: 150 },
      costUsd: (0.36 * 250) / 3600,
    });
  });

  test('nobody knows before a child has ended, or while none runs', () => {
    expect(jobOutlook(state({ children: { ...none, running: 2 } })).secondsLeft).toBeNull();
    expect(jobOutlook(state({ children: { ...none, waiting: 3 }, childSeconds: 9 })).secondsLeft).toBeNull();
  });

  test('a price that is not known makes no cost', () => {
    const machines = { instanceTypes: ['g6.48xlarge'], usdPerHour: null, trouble: null };
    expect(jobOutlook(state({ machineSeconds: 9 }, { machines })).costUsd).toBeNull();
    expect(jobOutlook(state(undefined)).costUsd).toBeNull();
  });
});

test('the report has a bar, the children, the cost and what stands in the way', () => {
  const words = jobStatusText(
    state(
      {
        ...{ children: { ...none, waiting: 2, succeeded: 2 }, childSeconds: 3600, machineSeconds: 7200 },
        waitsFor: 'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested',
      },
      { stored: new Set([0, 3]) },
    ),
  );
  expect(words).toContain('job 0123456789abcdef at s3://out/batch/first, model fake-1, 12:00:00');
  expect(words).toMatch(/█+░+ 2\/4 shards · 18 of 38 pictures/);
  expect(words).toMatch(/PENDING +2 +0 +0 +2 +0/);
  expect(words).toContain('cost so far: about 0.72 USD (2:00:00 of g6.xlarge on Spot)');
  expect(words).toContain('capacity: AWS has no such machine on Spot now');
});

test.each([
  ['CLIENT_ERROR - You have exceeded VcpuLimitExceeded', 'quota'],
  ['MaxSpotInstanceCountExceeded', 'quota'],
  ['CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill', 'capacity'],
  ['UnfulfillableCapacity', 'capacity'],
  ['MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - no resources', 'other'],
])('%s is for want of %s', (words, kind) => {
  expect(waitingKind(words)).toBe(kind);
});

describe('what somebody should know', () => {
  test('children that wait without a reason are said to wait for a machine', () => {
    const waiting = { children: { ...none, waiting: 4 } };
    expect(jobNotes(state(waiting))).toEqual([expect.stringContaining('AWS gives no reason yet')]);
    expect(jobNotes(state({ children: { ...none, waiting: 3, running: 1 } }))).toEqual([]);
  });

  test('the machines’ trouble stands for a reason that the job has not', () => {
    const machines = { instanceTypes: [], usdPerHour: null, trouble: 'MaxSpotInstanceCountExceeded' };
    expect(jobNotes(state({ children: { ...none, waiting: 4 } }, { machines }))).toEqual([
      'quota: ask for more vCPUs under Service Quotas (igpt doctor says which): MaxSpotInstanceCountExceeded',
    ]);
  });

  test('of a job that has ended without all shards: why, and how to go on', () => {
    const failures = [{ reason: 'exit code 1', children: 2, child: 'job-1:3' }];
    const ended = { status: 'FAILED', children: { ...none, succeeded: 2, failed: 2 }, failures };
    const notes = jobNotes(state(ended, { stored: new Set([0, 1]) }));
    expect(notes[0]).toContain('2 failed: exit code 1 (one is job-1:3');
    expect(notes[1]).toMatch(/it has ended with 2 of 4 shards missing: .* batch submit, as before, does them/);
  });

  test('a job that AWS has forgotten is named as such', () => {
    expect(jobNotes(state(undefined))).toEqual([expect.stringContaining('AWS Batch knows no job of this name')]);
  });
});
