import { createSemaphore } from '../async/semaphore.ts';
import { type Job, type JobSummary, shardKey } from '../contracts/job.ts';
import { createQuantizer } from '../image-gpt/quantizer.ts';
import type { Clock } from '../ports/clock.ts';
import type { Model } from '../ports/model.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { PictureDecoder } from '../ports/picture-decoder.ts';
import { createFailureLimit, type FailureLimit } from './failure-limit.ts';
import { runLanes, type ShardTask } from './lanes.ts';
import { createRowMaker } from './make-row.ts';
import { readManifest } from './plan-job.ts';
import { storedShards, storeShard } from './shard.ts';
import type { ShardFormat } from './shard-format.ts';
import { finishedSummary, finishJob, recordsOf, reopenJob, summaryOf } from './summary.ts';

/** What makes rows of pictures. */
export interface JobPorts {
  /** Where the keys of the manifest lie. */
  input: ObjectStore;
  output: ObjectStore;
  format: ShardFormat;
  decoder: PictureDecoder;
  /** Of the id in the job's settings. */
  model: Model;
  clock: Clock;
  job: Job;
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

export interface RunShardsOptions extends JobPorts {
  /** Share of failed pictures, 0 to 1, beyond which the job stops. */
  maxFailureRate: number;
  /** The shard to begin with, 0 to 1 as a share of all: runners that begin at different ones meet late. Default 0. */
  start?: number;
  /** Price of the machine, for the summary. */
  usdPerHour?: number;
}

export interface RunShardsResult {
  /** Absent when there is more to do: interrupted. */
  summary?: JobSummary;
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
 * @throws {JobError} `too_many_failures`, `cannot_go_on`, and what the ports throw
 */
export async function runShards(options: RunShardsOptions): Promise<RunShardsResult> {
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
  async function* tasks(): AsyncGenerator<ShardTask> {
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
  ports: JobPorts,
  tasks: AsyncIterable<ShardTask>,
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
