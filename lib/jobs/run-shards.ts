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
import type { ShardFormat } from './shard.ts';
import { storedShards, storeShard } from './shard.ts';
import { finishedSummary, finishJob, recordsOf, reopenJob, summaryOf } from './summary.ts';

/** The ports of a job, and its limits. */
export interface JobPorts {
  /** The store of the pictures that the manifest names. */
  input: ObjectStore;
  output: ObjectStore;
  format: ShardFormat;
  decoder: PictureDecoder;
  /** The model whose id is in the job's settings. */
  model: Model;
  clock: Clock;
  job: Job;
  /** Larger files fail with `image_too_large` and are not read. */
  maxPictureBytes: number;
  /** Pictures read and decoded at once. */
  decoding: number;
  /** Pictures that the model works on at once. */
  predicting: number;
  /** After an abort no more pictures start. Pictures in progress are finished; incomplete shards are dropped. */
  signal: AbortSignal;
  onProgress?: (progress: JobProgress) => void;
  /** An attempt failed, and the picture is not at fault. It may be retried. */
  onError?: (error: unknown, key: string) => void;
}

interface JobProgress {
  /** Pictures that have a row, including those of earlier runs. */
  done: number;
  /** Failed pictures of this run. */
  failed: number;
}

export interface RunShardsOptions extends JobPorts {
  /** Share of failed pictures (0 to 1) above which the job stops. */
  maxFailureRate: number;
  /**
   * Where to start among the missing shards, as a share of them (0 to 1; default 0). Runs that start at different
   * places rarely make the same shard.
   */
  start?: number;
  /** Price of the machine, for the summary. */
  usdPerHour?: number | undefined;
}

export interface RunShardsResult {
  /** Absent when the run was interrupted. */
  summary?: JobSummary;
  /** Rows that this run made. */
  pictures: number;
  seconds: number;
}

/**
 * Makes the missing shards of a job, then its summary. A shard is stored whole or not at all. Its rows have the order
 * of the manifest, and it holds no time and no machine, so every run writes the same bytes. Pictures of the next shard
 * are decoded while the model still works on the last one. The memory holds a few shards at most.
 *
 * @throws {JobError} `too_many_failures`, `cannot_go_on`, and the errors of the ports
 */
export async function runShards(options: RunShardsOptions): Promise<RunShardsResult> {
  const { output, job, signal, start = 0, clock } = options;
  const began = clock.now().getTime();
  const stored = await storedShards(output, job);
  const missing = job.shards.flatMap((shard, number) => (stored.has(number) ? [] : [{ number, ...shard }]));
  const finished = missing.length === 0 ? await finishedSummary(output) : undefined;
  if (finished !== undefined) return { summary: finished, pictures: 0, seconds: 0 };
  await reopenJob(output);
  // Read the records first, so that a damaged or foreign shard is found now and not at the end.
  const earlier = summaryOf(job, await recordsOf(options, stored));

  const first = Math.floor(start * missing.length);
  const order = [...missing.slice(first), ...missing.slice(0, first)];
  let before = job.pictures - missing.reduce((sum, { pictures }) => sum + pictures, 0);
  const limit = createFailureLimit(options.maxFailureRate, { ...earlier, pictures: before });
  async function* tasks(): AsyncGenerator<ShardTask> {
    for (const { number, pictures } of order) {
      // Another run may have made it in the meantime.
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
  const summary = await finishJob(options, { pictures, seconds, usdPerHour: options.usdPerHour });
  return { summary, pictures, seconds };
}

/** Makes the rows of all tasks, reports progress, and stops at the failure limit. */
export async function makeRows(
  ports: JobPorts,
  tasks: AsyncIterable<ShardTask>,
  limit: FailureLimit,
  doneBefore: () => number,
): Promise<void> {
  const { decoding, predicting, model, signal, onProgress, onError = () => {} } = ports;
  await runLanes({
    tasks,
    // Pictures in decoding, pictures in the model, and as many tokenised pictures in reserve, so that the model never
    // waits for a file.
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
