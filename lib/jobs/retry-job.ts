import { type JobRow, type JobSummary, type RowErrorCode, shardRecordKey } from '../contracts/job.ts';
import { createFailureLimit } from './failure-limit.ts';
import type { ShardTask } from './lanes.ts';
import { type JobPorts, makeRows } from './run-shards.ts';
import { openStored, storeShard } from './shard.ts';
import { finishJob, recordsOf, reopenJob } from './summary.ts';

export interface RetryOptions extends JobPorts {
  /** Only pictures that failed with one of these. Default: all that failed. */
  codes?: ReadonlySet<RowErrorCode>;
  usdPerHour?: number;
}

export interface RetryResult {
  /** Absent when it was interrupted. */
  summary?: JobSummary;
  /** Tried again. */
  pictures: number;
  succeeded: number;
}

/**
 * Tries the failed pictures of a finished job again, as they are now: one that was put there anew is read anew. A shard
 * is replaced as a whole, and only the version that was read; its record is taken away before and made after.
 *
 * @throws {JobError} as {@link runBatch}; `shard_missing` for a job that is not finished
 */
export async function retryJob(options: RetryOptions): Promise<RetryResult> {
  const { output, job, codes, clock, signal } = options;
  const began = clock.now().getTime();
  const chosen = ({ error_code: code }: JobRow): boolean => code !== null && (codes?.has(code) ?? true);
  const records = await recordsOf(options, job.shards.keys());
  const failed = records.flatMap((record, number) =>
    Object.keys(record.failures).some((code) => codes === undefined || [...codes].some((one) => one === code))
      ? [number]
      : [],
  );

  async function* tasks(): AsyncGenerator<ShardTask> {
    for (const number of failed) {
      const { etag, open } = await openStored(options, number);
      const rows = await open.read();
      const places = rows.flatMap((row, place) => (chosen(row) ? [place] : []));
      yield {
        // Whichever version is there now.
        pictures: places.map((place) => ({ key: rows[place]?.key ?? '', etag: null })),
        async done(made) {
          made.forEach((row, i) => {
            const place = places[i];
            // What is gone was once another version: the row goes on telling which.
            if (place !== undefined) rows[place] = { ...row, etag: row.etag ?? rows[place]?.etag ?? null };
          });
          await reopenJob(output);
          await output.delete(shardRecordKey(number));
          await storeShard(options, number, rows, { ifMatch: etag });
        },
      };
    }
  }
  // Failures are what is expected here.
  const limit = createFailureLimit(1);
  await makeRows(options, tasks(), limit, () => 0);

  const { pictures, failed: again } = limit.counts();
  const result = { pictures, succeeded: pictures - again };
  if (signal.aborted) return result;
  const seconds = (clock.now().getTime() - began) / 1000;
  const { usdPerHour } = options;
  const run = { pictures, seconds, ...(usdPerHour === undefined ? {} : { usdPerHour }) };
  return { ...result, summary: await finishJob(options, run) };
}
