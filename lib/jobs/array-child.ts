import type { BatchEvent } from '../contracts/event.ts';
import { type Job, type JobSubmission, type JobSummary, jobKeys, jobSubmission, shardKey } from '../contracts/job.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { EventSink } from '../ports/queue.ts';
import { createFailureLimit } from './failure-limit.ts';
import { readJob, readManifest } from './plan-job.ts';
import { type JobPorts, makeRows } from './run-shards.ts';
import type { ShardFormat } from './shard.ts';
import { storedShards, storeShard } from './shard.ts';
import { JobError, readJson } from './stored-json.ts';
import { finishJob } from './summary.ts';

/** Input, decoder and model of a child. Opened only when there are rows to make. */
export type ChildMachine = Omit<JobPorts, 'output' | 'format' | 'clock' | 'job' | 'signal'>;

export interface ChildOptions {
  output: ObjectStore;
  /** Address of the output, `s3://bucket/prefix`, for the event. */
  place: string;
  /** Number of this child in the submission. */
  index: number;
  format: ShardFormat;
  clock: Clock;
  events: EventSink<BatchEvent>;
  maxFailureRate: number;
  /** After an abort no more pictures start, and the shard is dropped. */
  signal: AbortSignal;
  /** Opens decoder and model of a job. They are closed after the shard. */
  open(job: Job): Promise<ChildMachine & AsyncDisposable>;
}

/**
 * - `made`: the shard is stored
 * - `there`: it was stored before, or another child was faster
 * - `stopped`: `signal` was aborted, and nothing of the shard is stored
 */
export interface ChildEnd {
  shard: 'made' | 'there' | 'stopped';
  /** Rows that this child made. */
  pictures: number;
  failed: number;
  /** Present when this child finished the job. */
  summary?: JobSummary | undefined;
}

/**
 * Makes one shard of a job on AWS Batch, with the same rows and bytes as {@link runShards}. The child that finds all
 * shards stored finishes the job: it writes the summary, publishes the event, then writes `_SUCCESS`. If it is killed
 * before `_SUCCESS`, its next attempt does so again. So the event is published at least once, and twice when two
 * children end together.
 *
 * @throws {JobError} `job_missing`, `submission_missing`, and the errors of {@link runShards}
 */
export async function runArrayChild(options: ChildOptions): Promise<ChildEnd> {
  const { output, index } = options;
  const job = await readJob(output);
  if (job === undefined) throw missing('job_missing', jobKeys.job, options);
  const submission = await readJson(output, jobKeys.submission, jobSubmission);
  if (submission === undefined) throw missing('submission_missing', jobKeys.submission, options);
  // Undefined if a later submission with fewer shards has replaced the submission that started this child.
  const shard = submission.shards[index];
  const end: ChildEnd =
    shard === undefined || (await output.head(shardKey(shard))) !== undefined
      ? { shard: 'there', pictures: 0, failed: 0 }
      : await makeShard(options, job, shard);
  if (options.signal.aborted) return end;
  return { ...end, summary: await finishIfComplete(options, job, submission) };
}

async function makeShard(options: ChildOptions, job: Job, shard: number): Promise<ChildEnd> {
  const { output, format, clock, signal } = options;
  await using machine = await options.open(job);
  const limit = createFailureLimit(options.maxFailureRate);
  let stored = false;
  async function* tasks() {
    yield {
      pictures: await readManifest(output, job, shard),
      async done(rows: Parameters<typeof storeShard>[2]) {
        await storeShard({ output, format, job }, shard, rows);
        stored = true;
      },
    };
  }
  await makeRows({ ...machine, output, format, clock, job, signal }, tasks(), limit, () => 0);
  const { pictures, failed } = limit.counts();
  return { shard: stored ? 'made' : 'stopped', pictures, failed };
}

async function finishIfComplete(
  { output, format, place, events, clock }: ChildOptions,
  job: Job,
  { pictures, submitted_at }: JobSubmission,
): Promise<JobSummary | undefined> {
  if ((await output.head(jobKeys.success)) !== undefined) return undefined;
  const stored = await storedShards(output, job);
  if (job.shards.some((_, shard) => !stored.has(shard))) return undefined;
  const seconds = (clock.now().getTime() - new Date(submitted_at).getTime()) / 1000;
  const lastRun = { pictures, seconds: Math.max(seconds, 0) };
  return finishJob({ output, format, job }, lastRun, ({ shards, succeeded, failed, failures, model }) =>
    events.publish([
      {
        type: 'batch',
        job: job.id,
        model,
        place,
        shards: shards.length,
        pictures: job.pictures,
        succeeded,
        failed,
        failures,
      },
    ]),
  );
}

function missing(code: string, key: string, { place }: ChildOptions): JobError {
  return new JobError(
    code,
    `Expected ${key} at ${place}, but it does not exist: submit the job with igpt batch submit.`,
  );
}
