import { type JobRow, type JobSummary, type RowErrorCode, shardRecordKey } from '../contracts/job.ts';
import { createFailureLimit } from './failure-limit.ts';
import type { ShardTask } from './lanes.ts';
import { type JobPorts, makeRows } from './run-shards.ts';
import { openStored, storeShard } from './shard.ts';
import { finishJob, recordsOf, reopenJob } from './summary.ts';

export interface RetryOptions extends JobPorts {
  /** Retries only the pictures that failed with one of these codes (default: all failed pictures). */
  codes?: ReadonlySet<RowErrorCode> | undefined;
}

export interface RetryResult {
  /** Absent when the retry was interrupted. */
  summary?: JobSummary;
  /** Pictures that were tried again. */
  pictures: number;
  succeeded: number;
}

/**
 * Retries the failed pictures of a finished job, with their current content. A shard is replaced as a whole, and only
 * if nobody has changed it since it was read. Its record is deleted before the shard is replaced, and written again
 * afterwards.
 *
 * @throws {JobError} the errors of {@link runShards}; `shard_missing` when the job is not finished
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
      const { etag, opened } = await openStored(options, number);
      const rows = await opened.read();
      const places = rows.flatMap((row, place) => (chosen(row) ? [place] : []));
      yield {
        // Without an ETag, the current version is read.
        pictures: places.map((place) => ({ key: rows[place]?.key ?? '', etag: null })),
        async done(made) {
          made.forEach((row, i) => {
            const place = places[i];
            // A picture that is gone keeps the ETag of its last known version.
            if (place !== undefined) rows[place] = { ...row, etag: row.etag ?? rows[place]?.etag ?? null };
          });
          await reopenJob(output);
          await output.delete(shardRecordKey(number));
          await storeShard(options, number, rows, { ifMatch: etag });
        },
      };
    }
  }
  // No limit: pictures that failed before often fail again.
  const limit = createFailureLimit(1);
  await makeRows(options, tasks(), limit, () => 0);

  const { pictures, failed: again } = limit.counts();
  const result = { pictures, succeeded: pictures - again };
  if (signal.aborted) return result;
  const seconds = (clock.now().getTime() - began) / 1000;
  return { ...result, summary: await finishJob(options, { pictures, seconds }) };
}
