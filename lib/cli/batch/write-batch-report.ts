import { join } from 'node:path';
import type { Command } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { BatchJob, BatchSummary } from '../../contracts/batch.ts';
import { ImageGptError } from '../../image-gpt/error.ts';
import type { Model, ObjectStore, PictureDecoder } from '../../pipeline/ports.ts';
import { looksOfReport } from '../../report/read-report.ts';
import { reportPage } from '../../report/report-page.ts';
import { MOST_ROWS, type ReportLook, type ReportRow } from '../../report/report-row.ts';
import { type DecodeOptions, decodingConcurrency } from '../options/decode-option.ts';
import { trialWarning } from '../options/model-option.ts';
import { reportAbout } from '../run/report-about.ts';
import { openLooks } from '../run/report-look.ts';
import { printable } from '../terminal/printable.ts';
import type { ProgressBar } from '../terminal/progress-bar.ts';
import { batchReportRows, batchTotals } from './batch-report-rows.ts';
import { s3Place } from './batch-store.ts';

/** Name of the report beside the shards. Readers of Parquet pass over what begins with an underscore. */
const REPORT_NAME = '_report.html';

export function addBatchReportOption(command: Command): Command {
  return command.option('--no-report', `write no report page (${REPORT_NAME}, beside the shards)`);
}

export interface BatchReportOptions {
  /** Directory or S3 prefix of the job, as the user wrote it. */
  place: string;
  input: ObjectStore;
  output: ObjectStore;
  job: BatchJob;
  summary: BatchSummary;
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
export async function writeBatchReport(options: BatchReportOptions): Promise<boolean> {
  try {
    return await tryReport(options);
  } catch (error) {
    if (!(error instanceof ImageGptError)) throw error;
    options.bar.say(`igpt: the report cannot be written: ${error.message} The shards are stored.`);
    return false;
  }
}

async function tryReport(options: BatchReportOptions): Promise<boolean> {
  const { place, input, output, job, summary, checkpoint, model, decode, decoder, surpriseOf, bar, signal } = options;
  const inS3 = s3Place(place) !== undefined;
  const path = inS3 ? `${place.replace(/\/+$/, '')}/${REPORT_NAME}` : join(place, REPORT_NAME);
  // One in S3 would have to be downloaded; what it has to look at is made again.
  const earlier = inS3 ? new Map<string, ReportLook>() : await looksOfReport(path, model.id);
  await using looks = openLooks({ input, model, decode, decoder, surpriseOf, earlier });
  const most = Math.min(job.pictures, MOST_ROWS);
  const rows = batchReportRows({ output, job, most, lookAt: looks.lookAt, concurrency: decodingConcurrency(decode) });
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
  for await (const piece of reportPage(counted(), about, { totals: (ofListed) => batchTotals(ofListed, summary) })) {
    if (signal.aborted) {
      bar.say(`igpt: interrupted; ${printable(path)} is as it was before, and all shards are there`);
      return false;
    }
    pieces.push(piece);
  }
  await output.put(REPORT_NAME, new TextEncoder().encode(pieces.join('')));
  bar.say(`report: ${printable(path)}${job.pictures > most ? `, of the first ${most} pictures` : ''}`);
  return true;
}
