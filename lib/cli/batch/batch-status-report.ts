import type { BatchMachines } from '../../aws/batch-machines.ts';
import type { JobState } from '../../aws/job-state.ts';
import type { BatchJob, BatchSummary } from '../../contracts/batch.ts';
import { stackCall } from '../aws/stack-option.ts';
import { printable } from '../terminal/printable.ts';
import { duration, progressLine } from '../terminal/progress-bar.ts';
import { table } from '../terminal/table.ts';

/** All that is known of a submitted job at one moment. */
export interface BatchState {
  at: Date;
  /** Name of the stack. */
  stack: string;
  job: BatchJob;
  place: string;
  /** Numbers of the shards that are there. */
  stored: ReadonlySet<number>;
  machines: BatchMachines;
  /** Of a job that is done. */
  summary?: BatchSummary;
  /** Absent when AWS Batch knows nothing of it (any more). */
  aws?: JobState;
}

/** How far a job is. */
interface BatchOutlook {
  shards: number;
  pictures: number;
  /** null: no child has ended yet, or none runs. */
  shardsPerSecond: number | null;
  secondsLeft: number | null;
  /** null: the price of the machines, or what ran on them, is not known. */
  costUsd: number | null;
}

/** Children take as long as those that have ended, and as many run as now. */
export function batchOutlook({ job, stored, machines, aws }: BatchState): BatchOutlook {
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

/** The whole picture, for people. */
export function batchStatusReport(state: BatchState): string {
  const { at, job, place, summary, aws } = state;
  const { shards, pictures, shardsPerSecond } = batchOutlook(state);
  const head = `job ${job.id} at ${printable(place)}, model ${job.settings.model}, ${at.toTimeString().slice(0, 8)}`;
  const bar = progressLine(
    {
      ...{ done: shards, total: job.shards.length, unit: 'shards' },
      perSecond: shardsPerSecond ?? undefined,
      note: `${pictures} of ${job.pictures} pictures`,
    },
    Math.max(process.stdout.columns ?? 80, 40) - 1,
  );
  const right = (title: string) => ({ title, align: 'right' }) as const;
  const children =
    aws === undefined
      ? []
      : [
          table(
            [{ title: 'on AWS' }, ...['waiting', 'starting', 'running', 'succeeded', 'failed'].map(right)],
            [[aws.status, ...Object.values(aws.children).map(String)]],
          ),
        ];
  const ended =
    summary === undefined
      ? []
      : [`done: ${summary.succeeded} pictures succeeded, ${summary.failed} failed; see _summary.json\n`];
  return [`${head}\n`, `${bar}\n`, ...children, costWords(state), ...ended, notesText(state)]
    .filter((part) => part !== '')
    .join('\n');
}

function costWords(state: BatchState): string {
  const { aws, machines } = state;
  const { costUsd } = batchOutlook(state);
  if (aws === undefined) return '';
  const kind = machines.instanceTypes.length === 0 ? 'Fargate' : machines.instanceTypes.join(', ');
  const spent = `${duration(aws.machineSeconds)} of ${kind} on Spot`;
  return costUsd === null
    ? `${spent}; its price is not in the table\n`
    : `cost so far: about ${costUsd.toFixed(2)} USD (${spent})\n`;
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
export function batchNotes({ stack, job, place, stored, machines, summary, aws }: BatchState): string[] {
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

function notesText(state: BatchState): string {
  return batchNotes(state)
    .map((line) => `${printable(line)}\n`)
    .join('');
}

/** For machines. */
export function batchStatusJson(state: BatchState) {
  const { at, job, place, machines, summary, aws } = state;
  const { shards, pictures, secondsLeft, costUsd } = batchOutlook(state);
  const words = aws !== undefined && aws.children.waiting > 0 ? (aws.waitsFor ?? machines.trouble) : null;
  return {
    ...{ job: job.id, out: place, model: job.settings.model, at: at.toISOString(), done: summary !== undefined },
    shards: job.shards.length,
    shards_done: shards,
    pictures: job.pictures,
    pictures_done: pictures,
    seconds_left: summary === undefined ? secondsLeft : 0,
    cost_usd: costUsd,
    aws_job: aws === undefined ? null : { id: aws.id, status: aws.status, children: aws.children },
    waits_for: words === null ? null : { kind: waitingKind(words), reason: words },
    failures: aws?.failures ?? [],
  };
}
