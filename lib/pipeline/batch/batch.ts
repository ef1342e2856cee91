import { type BatchJob, type BatchSummary, shardKey } from '../../contracts/batch.ts';
import { createQuantizer } from '../../image-gpt/nearest-color.ts';
import type { Clock, Model, ObjectStore, PictureDecoder, ShardFormat } from '../ports.ts';
import { createSemaphore } from '../semaphore.ts';
import { readManifest } from './batch-job.ts';
import { type BatchTask, runLanes } from './batch-lanes.ts';
import { createRowMaker } from './batch-row.ts';
import { storedShards, storeShard } from './batch-shard.ts';
import { finishedSummary, finishJob, recordsOf, reopenJob, summaryOf } from './batch-summary.ts';
import { createFailureLimit, type FailureLimit } from './failure-limit.ts';

/** What makes rows of pictures. */
export interface BatchPorts {
  /** Where the keys of the manifest lie. */
  input: ObjectStore;
  output: ObjectStore;
  format: ShardFormat;
  decoder: PictureDecoder;
  /** Of the id in the job's settings. */
  model: Model;
  clock: Clock;
  job: BatchJob;
  /** Larger files fail with `image_too_large`, unread. */
  maxPictureBytes: number;
  /** Pictures read and decoded at once. */
  decoding: number;
  /** Pictures that the model holds at once. */
  predicting: number;
  /** Begins no more pictures; what is under way is finished, shards that are not complete are dropped. */
  signal: AbortSignal;
  onProgress?: (progress: BatchProgress) => void;
  /** An attempt failed without being the picture's fault, and may be repeated. */
  onError?: (error: unknown, key: string) => void;
}

interface BatchProgress {
  /** Pictures that have a row, those of earlier runs too. */
  done: number;
  /** Of this run. */
  failed: number;
}

export interface BatchOptions extends BatchPorts {
  /** Share of failed pictures, 0 to 1, beyond which the job stops. */
  maxFailureRate: number;
  /** The shard to begin with, 0 to 1 as a share of all: runners that begin at different ones meet late. Default 0. */
  start?: number;
  /** Price of the machine, for the summary. */
  usdPerHour?: number;
}

export interface BatchResult {
  /** Absent when there is more to do: interrupted. */
  summary?: BatchSummary;
  /** Rows that this run made. */
  pictures: number;
  seconds: number;
}

/**
 * Does what is missing of a job: shards that are not there. A shard appears whole or not at all, its rows in the order
 * of the manifest, and holds nothing of the time or the machine, so that whoever does it writes the same bytes. When
 * all are there, the job is summed up. Pictures are decoded while others are with the model, across the borders of
 * shards; memory is bounded by a few shards.
 *
 * @throws {BatchError} `too_many_failures`, `cannot_go_on`, and what the ports throw
 */
export async function runBatch(options: BatchOptions): Promise<BatchResult> {
  const { output, job, signal, start = 0, clock } = options;
  const began = clock.now().getTime();
  const stored = await storedShards(output, job);
  const missing = job.shards.flatMap((shard, number) => (stored.has(number) ? [] : [{ number, ...shard }]));
  const finished = missing.length === 0 ? await finishedSummary(output) : undefined;
  if (finished !== undefined) return { summary: finished, pictures: 0, seconds: 0 };
  await reopenJob(output);
  // What is no shard of this job is found now, not when all others are made.
  const earlier = summaryOf(job, await recordsOf(options, stored));

  const turn = Math.floor(start * missing.length);
  const order = [...missing.slice(turn), ...missing.slice(0, turn)];
  let before = job.pictures - missing.reduce((sum, { pictures }) => sum + pictures, 0);
  const limit = createFailureLimit(options.maxFailureRate, { ...earlier, pictures: before });
  async function* tasks(): AsyncGenerator<BatchTask> {
    for (const { number, pictures } of order) {
      // Another runner may have been here.
      if ((await output.head(shardKey(number))) !== undefined) {
        before += pictures;
        continue;
      }
      yield {
        pictures: await readManifest(output, job, number),
        done: (rows) => storeShard(options, number, rows),
      };
    }
  }
  await makeRows(options, tasks(), limit, () => before);

  const { pictures } = limit.counts();
  const seconds = (clock.now().getTime() - began) / 1000;
  if (signal.aborted) return { pictures, seconds };
  const { usdPerHour } = options;
  const summary = await finishJob(options, {
    ...{ pictures, seconds },
    ...(usdPerHour === undefined ? {} : { usdPerHour }),
  });
  return { summary, pictures, seconds };
}

/** Runs tasks through reading, decoding and the model, with progress and the limit on failures. */
export async function makeRows(
  ports: BatchPorts,
  tasks: AsyncIterable<BatchTask>,
  limit: FailureLimit,
  doneBefore: () => number,
): Promise<void> {
  const { decoding, predicting, model, signal, onProgress, onError = () => {} } = ports;
  await runLanes({
    tasks,
    // Besides those that are decoded and predicted, as many wait with their tokens: the model never waits for a file.
    lanes: decoding + 2 * predicting,
    signal,
    makeRow: createRowMaker({
      ...ports,
      onError,
      quantize: createQuantizer(model.preprocessing.palette),
      reading: createSemaphore(decoding),
      predicting: createSemaphore(predicting),
    }),
    onRow(made) {
      limit.count(made);
      const { pictures, failed } = limit.counts();
      onProgress?.({ done: doneBefore() + pictures, failed });
    },
  });
}
