import { stackCall } from '../cli/options/stack-option.ts';
import type { Job, JobSummary } from '../contracts/job.ts';
import type { JobMachines } from './job-machines.ts';
import type { JobState } from './job-state.ts';

/** All that is known of a submitted job at one moment. */
export interface JobStatus {
  at: Date;
  /** Name of the stack. */
  stack: string;
  job: Job;
  place: string;
  /** Numbers of the shards that are there. */
  stored: ReadonlySet<number>;
  machines: JobMachines;
  /** Of a job that is done. */
  summary?: JobSummary;
  /** Absent when AWS Batch knows nothing of it (any more). */
  aws?: JobState;
}

/** How far a job is. */
interface JobOutlook {
  shards: number;
  pictures: number;
  /** null: no child has ended yet, or none runs. */
  shardsPerSecond: number | null;
  secondsLeft: number | null;
  /** null: the price of the machines, or what ran on them, is not known. */
  costUsd: number | null;
}

/** Children take as long as those that have ended, and as many run as now. */
export function jobOutlook({ job, stored, machines, aws }: JobStatus): JobOutlook {
  const shards = job.shards.filter((_, shard) => stored.has(shard));
  const left = job.shards.length - shards.length;
  const { childSeconds = null, children, machineSeconds } = aws ?? {};
  const running = children?.running ?? 0;
  const pace = childSeconds === null || childSeconds === 0 || running === 0 ? null : running / childSeconds;
  const { usdPerHour } = machines;
  return {
    shards: shards.length,
    pictures: shards.reduce((sum, { pictures }) => sum + pictures, 0),
    shardsPerSecond: pace,
    secondsLeft: left === 0 ? 0 : pace === null ? null : left / pace,
    costUsd: usdPerHour === null || machineSeconds === undefined ? null : (usdPerHour * machineSeconds) / 3600,
  };
}

/** Whether quota, capacity or something else stands in the way, by AWS's own words. */
export function waitingKind(words: string): 'quota' | 'capacity' | 'other' {
  if (/VcpuLimitExceeded|MaxSpotInstanceCountExceeded|LimitExceeded|quota/i.test(words)) return 'quota';
  return /INSUFFICIENT_INSTANCE_CAPACITY|UnfulfillableCapacity|InsufficientInstanceCapacity|capacity/i.test(words)
    ? 'capacity'
    : 'other';
}

const whatToDo = {
  quota: 'quota: ask for more vCPUs under Service Quotas (igpt doctor says which)',
  capacity: 'capacity: AWS has no such machine on Spot now; wait, or deploy with more instanceTypes',
  other: 'it waits',
} as const;

/** What somebody should know or do, one line each. */
export function jobNotes({ stack, job, place, stored, machines, summary, aws }: JobStatus): string[] {
  if (summary !== undefined) return [];
  const dst = place.slice(place.indexOf('/batch/') + '/batch/'.length);
  const submit = stackCall('batch submit', stack);
  if (aws === undefined) {
    return [`AWS Batch knows no job of this name (any more): ${submit}, as before, does what is missing`];
  }
  const { waiting, starting, running } = aws.children;
  const words = aws.waitsFor ?? machines.trouble;
  const failed = aws.failures.map(
    ({ reason, children, child }) =>
      `${children} failed: ${reason} (one is ${child}: aws batch describe-jobs --jobs ${child} names its log)`,
  );
  const missing = job.shards.length - stored.size;
  return [
    ...(waiting === 0
      ? []
      : words !== null
        ? [`${whatToDo[waitingKind(words)]}: ${words}`]
        : starting + running === 0
          ? ['children wait for a machine, which takes some minutes to start; AWS gives no reason yet']
          : []),
    ...failed,
    ...(waiting + starting + running === 0
      ? [
          missing > 0
            ? `it has ended with ${missing} of ${job.shards.length} shards missing: ${submit}, as before, does them`
            : `all shards are there, but it was not summed up: ${submit}, as before, with --out ${dst}`,
        ]
      : []),
  ];
}
