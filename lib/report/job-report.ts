import { join } from 'node:path';
import { pMapIterable } from 'p-map';
import type { Job, JobRow, JobSummary } from '../contracts/job.ts';
import { parseS3Location } from '../contracts/s3-location.ts';
import { type DecodingSettings, decodingConcurrency } from '../decode/decoder-pool.ts';
import { parquetShards } from '../jobs/parquet/shard-file.ts';
import { openStored } from '../jobs/shard.ts';
import type { Model } from '../ports/model.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { PictureDecoder } from '../ports/picture-decoder.ts';
import type { ViewsOf } from './outcome-rows.ts';
import { openPictureViews } from './picture-views.ts';
import { viewsOfReport } from './read-report.ts';
import { reportPage } from './report-page.ts';
import { mostRows, type PictureViews, type ReportAbout, type ReportRow } from './report-row.ts';
import { byAmount, type Totals } from './totals.ts';

/** All columns but the features, which are most of a shard. */
const shownColumns: readonly (keyof JobRow)[] = [
  'key',
  'etag',
  'width',
  'height',
  'top5',
  'nats_per_token',
  'error_code',
];

/** Name of the report next to the shards. Readers of Parquet skip names that start with an underscore. */
export const jobReportName = '_report.html';

export interface JobReportOptions {
  /** Directory or S3 prefix of the job, as the user wrote it. */
  place: string;
  input: ObjectStore;
  output: ObjectStore;
  job: Job;
  summary: JobSummary;
  about: ReportAbout;
  model: Model;
  decoding: DecodingSettings;
  /** Decodes by the model's recipe; stays open. */
  decoder: PictureDecoder;
  surpriseOf: (tokens: Uint16Array) => Promise<Uint8Array | null>;
  onProgress: (done: number, total: number) => void;
  /** Stops the writing; the old report stays. */
  signal: AbortSignal;
}

/**
 * Writes the report of a finished job next to its shards. The report lists the first pictures, and has totals of all of
 * them without reading every shard. Resolves to the number of listed pictures; undefined when `signal` aborted.
 */
export async function writeJobReport(options: JobReportOptions): Promise<number | undefined> {
  const { place, input, output, job, summary, about, model, decoding, decoder, surpriseOf, onProgress, signal } =
    options;
  // An earlier report in S3 would have to be downloaded. Making its views again costs less.
  const earlier = inS3(place) ? new Map<string, PictureViews>() : await viewsOfReport(jobReportPath(place), model.id);
  await using views = openPictureViews({ input, model, decoding, decoder, surpriseOf, earlier });
  const limit = Math.min(job.pictures, mostRows);
  const { viewsOf } = views;
  const rows = jobReportRows({ output, job, limit, viewsOf, concurrency: decodingConcurrency(decoding) });
  async function* counted(): AsyncGenerator<ReportRow> {
    let done = 0;
    for await (const row of rows) {
      done += 1;
      onProgress(done, limit);
      yield row;
    }
  }
  const pieces: string[] = [];
  for await (const piece of reportPage(counted(), about, { totals: (ofListed) => jobTotals(ofListed, summary) })) {
    if (signal.aborted) return undefined;
    pieces.push(piece);
  }
  await output.put(jobReportName, new TextEncoder().encode(pieces.join('')));
  return limit;
}

/** Path or S3 address of a job's report. */
export function jobReportPath(place: string): string {
  return inS3(place) ? `${place.replace(/\/+$/, '')}/${jobReportName}` : join(place, jobReportName);
}

function inS3(place: string): boolean {
  return parseS3Location(place) !== undefined;
}

export interface JobReportRowsOptions {
  output: ObjectStore;
  job: Job;
  /** Rows at most. */
  limit: number;
  viewsOf: ViewsOf;
  /** Rows made at once. */
  concurrency: number;
}

/** The rows of a job's first pictures, in the order of the manifest. Later shards are not read. */
export function jobReportRows(options: JobReportRowsOptions): AsyncIterable<ReportRow> {
  const { viewsOf, concurrency } = options;
  return pMapIterable(firstRows(options), reportRow, { concurrency, backpressure: concurrency });

  async function reportRow(row: JobRow): Promise<ReportRow> {
    const { key, etag, width, height, top5, nats_per_token, error_code } = row;
    return {
      key,
      etag,
      width,
      height,
      format: null,
      nats: nats_per_token,
      classes: top5?.map(({ label, probability }) => ({ label, probability })) ?? null,
      error: error_code === null ? null : { code: error_code, message: '' },
      look: error_code === null ? await viewsOf({ key, etag }) : null,
    };
  }
}

async function* firstRows({ output, job, limit }: JobReportRowsOptions): AsyncGenerator<JobRow> {
  let left = limit;
  for (const shard of job.shards.keys()) {
    if (left <= 0) return;
    const { opened } = await openStored({ output, job, format: parquetShards }, shard);
    const rows = await opened.read({ columns: shownColumns, start: 0, end: Math.min(left, opened.rows) });
    left -= rows.length;
    yield* rows;
  }
}

/** Totals of a job: the counts are of all pictures, the classes and likelihoods only of the listed ones. */
export function jobTotals(ofListed: Totals, { pictures, succeeded, failed, failures }: JobSummary): Totals {
  const ofAll = { ...ofListed, pictures, succeeded, failed, failures: byAmount(Object.entries(failures)) };
  return pictures > ofListed.pictures ? { ...ofAll, listedOnly: true } : ofAll;
}
