import { join } from 'node:path';
import { mapInOrder } from '../async/map-in-order.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type DecodeOptions, decodingConcurrency } from '../cli/options/decode-option.ts';
import { trialWarning } from '../cli/options/model-option.ts';
import type { ProgressBar } from '../cli/terminal/progress-bar.ts';
import { printable } from '../cli/terminal/text.ts';
import type { Job, JobRow, JobSummary } from '../contracts/job.ts';
import { parseS3Location } from '../contracts/s3-location.ts';
import { parquetShards } from '../jobs/parquet/shard-file.ts';
import { openStored } from '../jobs/shard.ts';
import { ImageGptError } from '../ports/error.ts';
import type { Model } from '../ports/model.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { PictureDecoder } from '../ports/picture-decoder.ts';
import { reportAbout } from './about-model.ts';
import type { ViewPicture } from './outcome-rows.ts';
import { openPictureViews } from './picture-views.ts';
import { viewsOfReport } from './read-report.ts';
import { reportPage } from './report-page.ts';
import { MOST_ROWS, type PictureViews, type ReportRow } from './report-row.ts';
import { byAmount, type Totals } from './totals.ts';

/** All but the features, which are most of a shard. */
const SHOWN: readonly (keyof JobRow)[] = [
  ...(['key', 'etag', 'width', 'height', 'top5', 'nats_per_token', 'error_code'] as const),
];

export interface JobReportRowsOptions {
  output: ObjectStore;
  job: Job;
  /** Rows. */
  most: number;
  lookAt: ViewPicture;
  /** Pictures looked at at once. */
  concurrency: number;
}

/** The first pictures of a job, in the order of the manifest; no shard beyond them is read. */
export function jobReportRows(options: JobReportRowsOptions): AsyncGenerator<ReportRow> {
  const { lookAt, concurrency } = options;
  return mapInOrder(firstRows(options), concurrency, async (row): Promise<ReportRow> => {
    const { key, etag, width, height, top5, nats_per_token, error_code } = row;
    return {
      ...{ key, etag, width, height, format: null, nats: nats_per_token },
      classes: top5?.map(({ label, probability }) => ({ label, probability })) ?? null,
      error: error_code === null ? null : { code: error_code, message: '' },
      look: error_code === null ? await lookAt({ key, etag }) : null,
    };
  });
}

async function* firstRows({ output, job, most }: JobReportRowsOptions): AsyncGenerator<JobRow> {
  let left = most;
  for (const shard of job.shards.keys()) {
    if (left <= 0) return;
    const { open } = await openStored({ output, job, format: parquetShards }, shard);
    const rows = await open.read({ columns: SHOWN, start: 0, end: Math.min(left, open.rows) });
    left -= rows.length;
    yield* rows;
  }
}

/** How many succeeded, and why others failed, is known of all; classes and likelihoods only of those that are listed. */
export function jobTotals(ofListed: Totals, { pictures, succeeded, failed, failures }: JobSummary): Totals {
  const some = pictures > ofListed.pictures;
  const ofAll = { pictures, succeeded, failed, failures: byAmount(Object.entries(failures)) };
  return { ...ofListed, ...ofAll, ...(some ? { listedOnly: true } : {}) };
}

/** Name of the report beside the shards. Readers of Parquet pass over what begins with an underscore. */
export const JOB_REPORT_NAME = '_report.html';

export interface JobReportOptions {
  /** Directory or S3 prefix of the job, as the user wrote it. */
  place: string;
  input: ObjectStore;
  output: ObjectStore;
  job: Job;
  summary: JobSummary;
  checkpoint: Checkpoint;
  /** Of the checkpoint. */
  model: Model;
  decode: DecodeOptions;
  /** By the model's recipe; stays open. */
  decoder: PictureDecoder;
  surpriseOf: (tokens: Uint16Array) => Promise<Uint8Array | null>;
  bar: ProgressBar;
  /** Leaves the report as it was. */
  signal: AbortSignal;
}

/**
 * Writes the report of a finished job beside its shards: it lists the first pictures, and what is known of all without
 * reading every shard. False when `signal` ended it, or when it cannot be kept: that takes nothing from the job, whose
 * summary is told all the same.
 */
export async function writeJobReport(options: JobReportOptions): Promise<boolean> {
  try {
    return await tryReport(options);
  } catch (error) {
    if (!(error instanceof ImageGptError)) throw error;
    options.bar.say(`igpt: the report cannot be written: ${error.message} The shards are stored.`);
    return false;
  }
}

async function tryReport(options: JobReportOptions): Promise<boolean> {
  const { place, input, output, job, summary, checkpoint, model, decode, decoder, surpriseOf, bar, signal } = options;
  const inS3 = parseS3Location(place) !== undefined;
  const path = inS3 ? `${place.replace(/\/+$/, '')}/${JOB_REPORT_NAME}` : join(place, JOB_REPORT_NAME);
  // One in S3 would have to be downloaded; what it has to look at is made again.
  const earlier = inS3 ? new Map<string, PictureViews>() : await viewsOfReport(path, model.id);
  await using looks = openPictureViews({ input, model, decode, decoder, surpriseOf, earlier });
  const most = Math.min(job.pictures, MOST_ROWS);
  const rows = jobReportRows({ output, job, most, lookAt: looks.lookAt, concurrency: decodingConcurrency(decode) });
  async function* counted(): AsyncGenerator<ReportRow> {
    let done = 0;
    for await (const row of rows) {
      done += 1;
      bar.update(done, most, 'writing the report');
      yield row;
    }
  }
  const about = reportAbout(checkpoint, model, trialWarning(checkpoint.directory));
  const pieces: string[] = [];
  for await (const piece of reportPage(counted(), about, { totals: (ofListed) => jobTotals(ofListed, summary) })) {
    if (signal.aborted) {
      bar.say(`igpt: interrupted; ${printable(path)} is as it was before, and all shards are there`);
      return false;
    }
    pieces.push(piece);
  }
  await output.put(JOB_REPORT_NAME, new TextEncoder().encode(pieces.join('')));
  bar.say(`report: ${printable(path)}${job.pictures > most ? `, of the first ${most} pictures` : ''}`);
  return true;
}
