import {
  type BatchJob,
  type BatchSubmission,
  type BatchSummary,
  batchKeys,
  batchSubmission,
  shardKey,
} from '../../contracts/batch.ts';
import type { BatchEvent } from '../../contracts/event.ts';
import type { Clock, EventSink, ObjectStore, ShardFormat } from '../ports.ts';
import { type BatchPorts, makeRows } from './batch.ts';
import { BatchError } from './batch-error.ts';
import { readJob, readManifest } from './batch-job.ts';
import { storedShards, storeShard } from './batch-shard.ts';
import { finishJob } from './batch-summary.ts';
import { createFailureLimit } from './failure-limit.ts';
import { readJson } from './stored-json.ts';

/** What makes the rows of a child; opened only where there are rows to make. */
export type ChildMachine = Omit<BatchPorts, 'output' | 'format' | 'clock' | 'job' | 'signal'>;

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
  open(job: BatchJob): Promise<ChildMachine & AsyncDisposable>;
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
  summary?: BatchSummary;
}

/**
 * Does one shard of a job that was submitted to AWS Batch: the same rows and bytes as {@link runBatch}. Whoever then
 * finds all shards there sums the job up, tells its event, and writes `_SUCCESS` last: killed before that, it does so
 * again in its next attempt. So the event comes at least once, and twice when two children end at once.
 *
 * @throws {BatchError} `job_missing`, `submission_missing`, and what {@link runBatch} throws
 */
export async function runBatchChild(options: ChildOptions): Promise<ChildEnd> {
  const { output, index } = options;
  const job = await readJob(output);
  if (job === undefined) throw missing('job_missing', batchKeys.job, options);
  const submission = await readJson(output, batchKeys.submission, batchSubmission);
  if (submission === undefined) throw missing('submission_missing', batchKeys.submission, options);
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

async function makeShard(options: ChildOptions, job: BatchJob, shard: number): Promise<ChildEnd> {
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
  job: BatchJob,
  { pictures, submitted_at }: BatchSubmission,
): Promise<BatchSummary | undefined> {
  if ((await output.head(batchKeys.success)) !== undefined) return undefined;
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

function missing(code: string, key: string, { place }: ChildOptions): BatchError {
  return new BatchError(code, `Expected ${key} at ${place}, but it is not there: igpt batch submit writes it.`);
}
