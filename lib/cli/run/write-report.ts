import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { createQuantizer } from '../../image-gpt/nearest-color.ts';
import type { Model, ObjectStore, PictureDecoder } from '../../pipeline/ports.ts';
import { looksOfReport } from '../../report/read-report.ts';
import { reportPage } from '../../report/report-page.ts';
import { MOST_ROWS } from '../../report/report-row.ts';
import {
  type DecodeOptions,
  decodingConcurrency,
  maxPictureBytes,
  openPictureDecoder,
} from '../options/decode-option.ts';
import { trialWarning } from '../options/model-option.ts';
import { openOutputFile } from '../terminal/output-file.ts';
import { reportAbout } from './report-about.ts';
import { createLookMaker, thumbnailRecipe } from './report-look.ts';
import { reportRows } from './report-rows.ts';

export interface WriteReportOptions {
  path: string;
  checkpoint: Checkpoint;
  model: Model;
  input: ObjectStore;
  output: ObjectStore;
  decode: DecodeOptions;
  /** By the model's recipe; stays open. */
  decoder: PictureDecoder;
  surpriseOf: (tokens: Uint16Array) => Promise<Uint8Array | null>;
  /** Rows done; `total` are those that take long. */
  onProgress: (done: number, total: number) => void;
  /** Leaves the report as it was. */
  signal: AbortSignal;
}

/**
 * Writes the report of every current outcome of this model, in one step: until then the last report stays as it is.
 * False when `signal` ended it. What the last report has to look at is taken over.
 */
export async function writeReport(options: WriteReportOptions): Promise<boolean> {
  const { path, checkpoint, model, input, output, decode, decoder, surpriseOf, onProgress, signal } = options;
  // At a fraction of their size where that is possible: nobody computes with them.
  await using thumbnails = openPictureDecoder(thumbnailRecipe, { ...decode, scaledDecoding: true });
  const lookAt = createLookMaker({
    ...{ input, decoder, thumbnails, surpriseOf },
    quantize: createQuantizer(model.preprocessing.palette),
    maxPictureBytes: maxPictureBytes(decode),
    earlier: await looksOfReport(path, model.id),
  });
  const rows = reportRows({ input, output, model: model.id, concurrency: decodingConcurrency(decode), lookAt });
  let done = 0;
  async function* counted() {
    for await (const row of rows) {
      done += 1;
      onProgress(done, MOST_ROWS);
      yield row;
    }
  }
  // Whatever has this name is a report, which this one replaces: reportPath saw to it.
  await using file = await openOutputFile(path, true);
  const encoder = new TextEncoder();
  for await (const piece of reportPage(counted(), reportAbout(checkpoint, model, trialWarning(checkpoint.directory)))) {
    if (signal.aborted) return false;
    await file.write(encoder.encode(piece));
  }
  await file.commit();
  return true;
}
