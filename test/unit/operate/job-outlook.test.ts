import { describe, expect, test } from 'vitest';
import { type JobStatus, jobNotes, jobOutlook, waitingKind } from '../../../lib/operate/job-outlook.ts';
import type { JobState } from '../../../lib/operate/job-state.ts';
import { fakeJob as job } from '../../support/job-world.ts';

const call = (verb: string) => `igpt ${verb}`;
const none = { waiting: 0, starting: 0, running: 0, succeeded: 0, failed: 0 };

function state(aws: Partial<JobState> | undefined, changes: Partial<JobStatus> = {}): JobStatus {
  const idle = { id: 'job-1', status: 'PENDING', children: none, childSeconds: null, machineSeconds: 0 };
  return {
    at: new Date(2026, 0, 1, 12),
    stack: 'ImageGpt',
    job,
    place: 's3://out/batch/first',
    stored: new Set<number>(),
    machines: { instanceTypes: ['g6.xlarge'], usdPerHour: 0.36, trouble: null },
    ...(aws && { aws: { ...idle, waitsFor: null, failures: [], ...aws } }),
    ...changes,
  };
}

describe('the progress of a job on AWS', () => {
  test('the rest takes as long per child as before, with as many children as now', () => {
    const running = { children: { ...none, running: 2, succeeded: 1 }, childSeconds: 100, machineSeconds: 250 };
    expect(jobOutlook(state(running, { stored: new Set([0]) }))).toEqual({
      shards: 1,
      pictures: 10,
      shardsPerSecond: 0.02,
      secondsLeft: 150,
      costUsd: (0.36 * 250) / 3600,
    });
  });

  test('the time left is unknown before a child has ended, and while none runs', () => {
    expect(jobOutlook(state({ children: { ...none, running: 2 } })).secondsLeft).toBeNull();
    expect(jobOutlook(state({ children: { ...none, waiting: 3 }, childSeconds: 9 })).secondsLeft).toBeNull();
  });

  test('the cost is unknown without the price or the time of the machines', () => {
    const machines = { instanceTypes: ['g6.48xlarge'], usdPerHour: null, trouble: null };
    expect(jobOutlook(state({ machineSeconds: 9 }, { machines })).costUsd).toBeNull();
    expect(jobOutlook(state(undefined)).costUsd).toBeNull();
  });
});

test.each([
  ['CLIENT_ERROR - You have exceeded VcpuLimitExceeded', 'quota'],
  ['MaxSpotInstanceCountExceeded', 'quota'],
  ['CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill', 'capacity'],
  ['UnfulfillableCapacity', 'capacity'],
  ['MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - no resources', 'other'],
])('%s means %s', (words, kind) => {
  expect(waitingKind(words)).toBe(kind);
});

describe('the notes', () => {
  test('say that children without a reason wait for a machine', () => {
    const waiting = { children: { ...none, waiting: 4 } };
    expect(jobNotes(state(waiting), call)).toEqual([expect.stringContaining('AWS gives no other reason yet')]);
    expect(jobNotes(state({ children: { ...none, waiting: 3, running: 1 } }), call)).toEqual([]);
  });

  test('use the problem of the machines when the job has no reason', () => {
    const machines = { instanceTypes: [], usdPerHour: null, trouble: 'MaxSpotInstanceCountExceeded' };
    expect(jobNotes(state({ children: { ...none, waiting: 4 } }, { machines }), call)).toEqual([
      'quota: request more vCPUs under Service Quotas (igpt doctor shows which): MaxSpotInstanceCountExceeded',
    ]);
  });

  test('say why a job ended without all shards, and how to resume it', () => {
    const failures = [{ reason: 'exit code 1', children: 2, child: 'job-1:3' }];
    const ended = { status: 'FAILED', children: { ...none, succeeded: 2, failed: 2 }, failures };
    const notes = jobNotes(state(ended, { stored: new Set([0, 1]) }), call);
    expect(notes[0]).toContain('2 failed: exit code 1 (for instance job-1:3');
    expect(notes[1]).toBe(
      'the job ended with 2 of 4 shards missing: run igpt batch submit again with the same arguments to do them',
    );
  });

  test('say when AWS Batch has forgotten the job', () => {
    expect(jobNotes(state(undefined), call)).toEqual([expect.stringContaining('AWS Batch does not know this job')]);
  });
});
