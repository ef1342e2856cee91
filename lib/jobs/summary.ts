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

/** Records read at once: a job has up to 10,000 of them. */
const atOnce = 16;

/** What the run that ends a job did. */
export interface LastRun {
  /** Pictures whose rows this run made. */
  pictures: number;
  seconds: number;
  /** Price of the machine. */
  usdPerHour?: number;
}

/**
 * Says that a job whose shards are all there is done: `_summary.json`, then `_SUCCESS`. Where another runner has said
 * so, its words stay. `tell` comes between the two, so that what was not told is told by the next who finishes.
 */
export async function finishJob(
  place: ShardPlace,
  run: LastRun,
  tell?: (summary: JobSummary) => Promise<void>,
): Promise<JobSummary> {
  const { output, job } = place;
  const { shards, ...counts } = summaryOf(job, await recordsOf(place, job.shards.keys()));
  const summary = { ...counts, last_run: lastRun(run), shards };
  await output.put(jobKeys.summary, jsonBytes(summary), { ifNoneMatch: '*' });
  await tell?.(summary);
  await output.put(jobKeys.success, new Uint8Array(0), { ifNoneMatch: '*' });
  return summary;
}

/** What {@link finishJob} said; undefined where it did not, or its words are damaged: then they are to be said again. */
export async function finishedSummary(output: ObjectStore): Promise<JobSummary | undefined> {
  const summary = await readJson(output, jobKeys.summary, jobSummary).catch((error: unknown) => {
    if (error instanceof JobError) return undefined;
    throw error;
  });
  return (await output.head(jobKeys.success)) === undefined ? undefined : summary;
}

/** Takes back what {@link finishJob} said. */
export async function reopenJob(output: ObjectStore): Promise<void> {
  await output.delete(jobKeys.success);
  await output.delete(jobKeys.summary);
}

/** The records of shards that are there, in their order; missing ones are made. */
export async function recordsOf(place: ShardPlace, shards: Iterable<number>): Promise<ShardRecord[]> {
  const records: ShardRecord[] = [];
  const numbers = [...shards].entries();
  const lanes = Array.from({ length: atOnce }, async () => {
    for (const [i, shard] of numbers) records[i] = await recordShard(place, shard);
  });
  await Promise.all(lanes);
  return records;
}

/** What a job's summary says of its shards. */
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
