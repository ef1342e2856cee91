import type { Job, JobSummary } from '../contracts/job.ts';
import type { JobMachines } from './job-machines.ts';
import type { JobState } from './job-state.ts';

/** State of a submitted job at one moment. */
export interface JobStatus {
  at: Date;
  /** Name of the stack. */
  stack: string;
  job: Job;
  /** `s3://bucket/batch/name`. */
  place: string;
  /** Numbers of the complete shards. */
  stored: ReadonlySet<number>;
  machines: JobMachines;
  /** Undefined until the job is done. */
  summary?: JobSummary | undefined;
  /** Undefined if AWS Batch does not know the job; it forgets one a week after its end. */
  aws?: JobState | undefined;
}

/** Progress of a job. */
interface JobOutlook {
  /** Complete shards. */
  shards: number;
  /** Pictures in the complete shards. */
  pictures: number;
  /** null: no child has ended yet, or none runs. */
  shardsPerSecond: number | null;
  secondsLeft: number | null;
  /** null: the price of the machines or their time is unknown. */
  costUsd: number | null;
}

/** Assumes that the remaining children take as long as those that have ended, and that as many run as now. */
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

/** Classifies AWS's reason why a job waits. */
export function waitingKind(reason: string): 'quota' | 'capacity' | 'other' {
  if (/VcpuLimitExceeded|MaxSpotInstanceCountExceeded|LimitExceeded|quota/i.test(reason)) return 'quota';
  return /INSUFFICIENT_INSTANCE_CAPACITY|UnfulfillableCapacity|InsufficientInstanceCapacity|capacity/i.test(reason)
    ? 'capacity'
    : 'other';
}

const waitingAdvice = {
  quota: 'quota: request more vCPUs under Service Quotas (igpt doctor shows which)',
  capacity: 'capacity: AWS has no such machine on Spot now; wait, or deploy with more instanceTypes',
  other: 'it waits',
} as const;

/**
 * What a user should know or do, one line each.
 *
 * @param call command line of a verb for the job's stack
 */
export function jobNotes(status: JobStatus, call: (verb: string) => string): string[] {
  const { job, place, stored, machines, summary, aws } = status;
  if (summary !== undefined) return [];
  const dst = place.slice(place.indexOf('/batch/') + '/batch/'.length);
  const submit = call('batch submit');
  if (aws === undefined) {
    return [
      `AWS Batch does not know this job (any more): run ${submit} again with the same arguments to do the missing shards`,
    ];
  }
  const { waiting, starting, running } = aws.children;
  const reason = aws.waitsFor ?? machines.trouble;
  const failed = aws.failures.map(
    ({ reason: why, children, child }) =>
      `${children} failed: ${why} (for instance ${child}: aws batch describe-jobs --jobs ${child} names its log)`,
  );
  const missing = job.shards.length - stored.size;
  return [
    ...(waiting === 0
      ? []
      : reason !== null
        ? [`${waitingAdvice[waitingKind(reason)]}: ${reason}`]
        : starting + running === 0
          ? ['children wait for a machine, which takes some minutes to start; AWS gives no other reason yet']
          : []),
    ...failed,
    ...(waiting + starting + running === 0
      ? [
          missing > 0
            ? `the job ended with ${missing} of ${job.shards.length} shards missing: run ${submit} again with the same arguments to do them`
            : `all shards are complete, but the summary is missing: run ${submit} again with the same arguments and --out ${dst}`,
        ]
      : []),
  ];
}
