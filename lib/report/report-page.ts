import { openOutputFile } from '../local/output-file.ts';
import { htmlHead, pagePart } from './html-page.ts';
import { mostRows, type ReportAbout, type ReportRow, surpriseSteps } from './report-row.ts';
import { createTally, type Totals } from './totals.ts';

/** First line of every report. A file that starts with it may be replaced by a new report. */
export const reportMark = '<!doctype html><!-- igpt report 1 -->';

/** The lines before and after the rows. Each line between them is the JSON of one row. */
export const rowsBegin = '<script type="application/json" id="rows">[';
export const rowsEnd = ']</script>';

export interface ReportOptions {
  /** Rows that are listed (default {@link mostRows}). */
  limit?: number;
  /** Completes the totals of the rows, when there are more pictures than rows (default: no change). */
  totals?: (ofRows: Totals) => Totals;
  /** Makes the page of a live report, which connects to its own server and to no other. */
  live?: LivePage;
}

/** The settings of a live page. */
interface LivePage {
  /** Largest picture that may be dropped (bytes). */
  maxBytes: number;
  /** Folder of the dropped pictures, as the user knows it. */
  folder: string;
}

/**
 * The report as one self-contained page, piece by piece, so that the memory does not grow with the number of rows. Its
 * scripts and styles are embedded: see {@link htmlHead}. Rows beyond the limit are counted but not listed.
 */
export async function* reportPage(
  rows: AsyncIterable<ReportRow>,
  about: ReportAbout,
  { limit = mostRows, totals = (ofRows) => ofRows, live }: ReportOptions = {},
): AsyncGenerator<string> {
  const parts = (always: readonly string[], onlyLive: string) =>
    Promise.all((live === undefined ? always : [...always, onlyLive]).map(pagePart));
  const styles = await parts(['page.css'], 'live.css');
  const scripts = await parts(['cards.js', 'page.js'], 'live.js');
  const body = await pagePart('page.html');
  const liveBody = live === undefined ? '' : await pagePart('live.html');
  const title = `${about.model}: what it saw`;
  yield `${htmlHead({ mark: reportMark, title, styles, scripts, asksItsServer: live !== undefined })}<body>
${body.replace(livePlace, () => liveBody)}
`;
  const { palette, made, ...facts } = about;
  const head = {
    ...facts,
    palette: Buffer.from(palette).toString('base64'),
    made: made.toISOString(),
    surpriseSteps,
    live,
  };
  yield `<script type="application/json" id="about">${json(head)}</script>\n`;
  yield rowsBegin;
  const tally = createTally();
  let listed = 0;
  for await (const row of rows) {
    tally.add(row);
    if (listed >= limit) continue;
    yield `${listed === 0 ? '' : ','}\n${json(row)}`;
    listed += 1;
  }
  yield `\n${rowsEnd}\n`;
  yield `<script type="application/json" id="totals">${json(totals(tally.totals()))}</script>\n`;
  yield `${scripts.map((script) => `<script>${script}</script>`).join('\n')}\n</body>\n</html>\n`;
}

/** The comment in page.html that the live part replaces. */
const livePlace = '<!-- live -->\n';

/** JSON in which no text can close the surrounding script element. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

export interface WriteReportOptions {
  path: string;
  rows: AsyncIterable<ReportRow>;
  about: ReportAbout;
  /** `total`: listed rows, which take most of the time. */
  onProgress: (done: number, total: number) => void;
  /** Stops the writing; the old report stays. */
  signal: AbortSignal;
}

/** Writes a report to a file. The old report is replaced in one step, at the end. False when `signal` aborted. */
export async function writeReport({ path, rows, about, onProgress, signal }: WriteReportOptions): Promise<boolean> {
  let done = 0;
  async function* counted() {
    for await (const row of rows) {
      done += 1;
      onProgress(done, mostRows);
      yield row;
    }
  }
  // An existing file may be replaced: reportPath has checked that it is a report.
  await using file = await openOutputFile(path, true);
  const encoder = new TextEncoder();
  for await (const piece of reportPage(counted(), about)) {
    if (signal.aborted) return false;
    await file.write(encoder.encode(piece));
  }
  await file.commit();
  return true;
}
