import pMap from 'p-map';
import {
  type Job,
  type JobSummary,
  jobKeys,
  jobSummary,
  type RowErrorCode,
  type ShardRecord,
} from '../contracts/job.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { recordShard, type ShardPlace } from './shard.ts';
import { JobError, jsonBytes, readJson } from './stored-json.ts';

/** Records read at once. A job has up to 10,000 of them. */
const recordsAtOnce = 16;

/** The run that finishes a job. */
export interface LastRun {
  /** Pictures whose rows this run made. */
  pictures: number;
  seconds: number;
  /** Price of the machine. */
  usdPerHour?: number | undefined;
}

/**
 * Marks a job as done when all its shards are stored: writes `_summary.json`, then `_SUCCESS`. A file that another run
 * has written stays. `publish` is called between the two writes: if it fails, the next run that finishes the job
 * publishes again.
 */
export async function finishJob(
  place: ShardPlace,
  run: LastRun,
  publish?: (summary: JobSummary) => Promise<void>,
): Promise<JobSummary> {
  const { output, job } = place;
  const { shards, ...counts } = summaryOf(job, await recordsOf(place, job.shards.keys()));
  const summary = { ...counts, last_run: lastRun(run), shards };
  await output.put(jobKeys.summary, jsonBytes(summary), { ifNoneMatch: '*' });
  await publish?.(summary);
  await output.put(jobKeys.success, new Uint8Array(0), { ifNoneMatch: '*' });
  return summary;
}

/** The summary of a finished job; undefined when the job is not finished or the summary is damaged. */
export async function finishedSummary(output: ObjectStore): Promise<JobSummary | undefined> {
  const summary = await readJson(output, jobKeys.summary, jobSummary).catch((error: unknown) => {
    if (error instanceof JobError) return undefined;
    throw error;
  });
  return (await output.head(jobKeys.success)) === undefined ? undefined : summary;
}

/** Marks a job as not done: undoes {@link finishJob}. */
export async function reopenJob(output: ObjectStore): Promise<void> {
  await output.delete(jobKeys.success);
  await output.delete(jobKeys.summary);
}

/** The records of stored shards, in the order of `shards`. Missing records are made. */
export function recordsOf(place: ShardPlace, shards: Iterable<number>): Promise<ShardRecord[]> {
  return pMap(shards, (shard) => recordShard(place, shard), { concurrency: recordsAtOnce });
}

/** The summary of a job, from the records of its shards. */
export function summaryOf(job: Job, records: readonly ShardRecord[]): Omit<JobSummary, 'last_run'> {
  const failures: Partial<Record<RowErrorCode, number>> = {};
  for (const record of records) {
    for (const [code, count] of entries(record.failures)) failures[code] = (failures[code] ?? 0) + count;
  }
  return {
    schema_version: 1,
    job: job.id,
    model: job.settings.model,
    source: job.settings.source,
    pictures: job.pictures,
    succeeded: sum(records.map(({ succeeded }) => succeeded)),
    failed: sum(records.map(({ failed }) => failed)),
    failures,
    shards: records.map(({ shard, rows, bytes, sha256 }) => ({ shard, rows, bytes, sha256 })),
  };
}

function lastRun({ pictures, seconds, usdPerHour }: LastRun): JobSummary['last_run'] {
  return {
    pictures,
    seconds,
    pictures_per_second: seconds > 0 ? pictures / seconds : 0,
    cost_usd: usdPerHour === undefined ? null : (usdPerHour * seconds) / 3600,
  };
}

function entries(failures: ShardRecord['failures']): [RowErrorCode, number][] {
  const list: [RowErrorCode, number][] = [];
  let code: RowErrorCode;
  for (code in failures) list.push([code, failures[code] ?? 0]);
  return list;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
