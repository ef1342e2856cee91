import type { BatchEvent } from '../contracts/event.ts';
import { type Job, type JobSubmission, type JobSummary, jobKeys, jobSubmission, shardKey } from '../contracts/job.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { EventSink } from '../ports/queue.ts';
import { createFailureLimit } from './failure-limit.ts';
import { readJob, readManifest } from './plan-job.ts';
import { type JobPorts, makeRows } from './run-shards.ts';
import { storedShards, storeShard } from './shard.ts';
import type { ShardFormat } from './shard-format.ts';
import { JobError, readJson } from './stored-json.ts';
import { finishJob } from './summary.ts';

/** What makes the rows of a child; opened only where there are rows to make. */
export type ChildMachine = Omit<JobPorts, 'output' | 'format' | 'clock' | 'job' | 'signal'>;

export interface ChildOptions {
  output: ObjectStore;
  /** Where the output lies, `s3://bucket/prefix`: for the event. */
  place: string;
  /** Which child of the submission. */
  index: number;
  format: ShardFormat;
  clock: Clock;
  events: EventSink<BatchEvent>;
  maxFailureRate: number;
  /** Begins no more pictures; the shard is dropped. */
  signal: AbortSignal;
  /** Decoder and model of a job; they are closed after the shard. */
  open(job: Job): Promise<ChildMachine & AsyncDisposable>;
}

/**
 * - `made`: the shard is stored
 * - `there`: it was there already, or another one was faster
 * - `stopped`: `signal` came first, and nothing of it is stored
 */
export interface ChildEnd {
  shard: 'made' | 'there' | 'stopped';
  /** Rows that this child made. */
  pictures: number;
  failed: number;
  /** Present where this child found all shards there and said so. */
  summary?: JobSummary;
}

/**
 * Does one shard of a job that was submitted to AWS Batch: the same rows and bytes as {@link runBatch}. Whoever then
 * finds all shards there sums the job up, tells its event, and writes `_SUCCESS` last: killed before that, it does so
 * again in its next attempt. So the event comes at least once, and twice when two children end at once.
 *
 * @throws {JobError} `job_missing`, `submission_missing`, and what {@link runBatch} throws
 */
export async function runArrayChild(options: ChildOptions): Promise<ChildEnd> {
  const { output, index } = options;
  const job = await readJob(output);
  if (job === undefined) throw missing('job_missing', jobKeys.job, options);
  const submission = await readJson(output, jobKeys.submission, jobSubmission);
  if (submission === undefined) throw missing('submission_missing', jobKeys.submission, options);
  // A later submission has taken this one's place, and has fewer children.
  const shard = submission.shards[index];
  const end: ChildEnd =
    shard === undefined || (await output.head(shardKey(shard))) !== undefined
      ? { shard: 'there', pictures: 0, failed: 0 }
      : await makeShard(options, job, shard);
  if (options.signal.aborted) return end;
  const summary = await finishIfComplete(options, job, submission);
  return { ...end, ...(summary === undefined ? {} : { summary }) };
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
  const run = { pictures, seconds: Math.max(seconds, 0) };
  return finishJob({ output, format, job }, run, ({ shards, succeeded, failed, failures, model }) =>
    events.publish([
      {
        ...{ type: 'batch', job: job.id, model, place, shards: shards.length },
        ...{ pictures: job.pictures, succeeded, failed, failures },
      },
    ]),
  );
}

function missing(code: string, key: string, { place }: ChildOptions): JobError {
  return new JobError(code, `Expected ${key} at ${place}, but it is not there: igpt batch submit writes it.`);
}
