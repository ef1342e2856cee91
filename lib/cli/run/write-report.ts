import { reportPage } from '../../report/report-page.ts';
import { MOST_ROWS, type ReportAbout, type ReportRow } from '../../report/report-row.ts';
import { openOutputFile } from '../terminal/output-file.ts';

export interface WriteReportOptions {
  path: string;
  rows: AsyncIterable<ReportRow>;
  about: ReportAbout;
  /** Rows done; `total` are those that take long. */
  onProgress: (done: number, total: number) => void;
  /** Leaves the report as it was. */
  signal: AbortSignal;
}

/** Writes a report in one step: until then the last one stays as it is. False when `signal` ended it. */
export async function writeReport({ path, rows, about, onProgress, signal }: WriteReportOptions): Promise<boolean> {
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
  for await (const piece of reportPage(counted(), about)) {
    if (signal.aborted) return false;
    await file.write(encoder.encode(piece));
  }
  await file.commit();
  return true;
}
