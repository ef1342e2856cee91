import { openOutputFile } from '../local/output-file.ts';
import { htmlHead, pagePart } from './html-page.ts';
import { MOST_ROWS, type ReportAbout, type ReportRow, SURPRISE_STEPS } from './report-row.ts';
import { createTally, type Totals } from './totals.ts';

/** First line of every report: by it we know a file that we may replace. */
export const REPORT_MARK = '<!doctype html><!-- igpt report 1 -->';

/** What a line of the page before and after the rows looks like: between them each line is one row's JSON. */
export const ROWS_BEGIN = '<script type="application/json" id="rows">[';
export const ROWS_END = ']</script>';

export interface ReportOptions {
  /** Default {@link MOST_ROWS}. */
  mostRows?: number;
  /** What became of all pictures, where the rows do not tell, from what they tell. Default: just that. */
  totals?: (ofRows: Totals) => Totals;
  /** The page of a server, which goes on by itself: it may ask that server, and nobody else. */
  live?: LivePage;
}

/** What a live page has to know. */
interface LivePage {
  /** Largest picture that may be dropped, bytes. */
  maxBytes: number;
  /** Where dropped pictures are kept, for people. */
  folder: string;
}

/**
 * The report as one self-contained page, piece by piece, in memory that does not grow with the number of rows. It asks
 * for nothing over the network, and its content security policy permits nothing but its own script and style, named by
 * their hashes. Rows beyond the limit are counted, not listed.
 */
export async function* reportPage(
  rows: AsyncIterable<ReportRow>,
  about: ReportAbout,
  { mostRows = MOST_ROWS, totals = (ofRows) => ofRows, live }: ReportOptions = {},
): AsyncGenerator<string> {
  const styles = await Promise.all([pagePart('page.css'), ...(live === undefined ? [] : [pagePart('live.css')])]);
  const scripts = await Promise.all([pagePart('page.js'), ...(live === undefined ? [] : [pagePart('live.js')])]);
  const body = await pagePart('page.html');
  const liveBody = live === undefined ? '' : await pagePart('live.html');
  const title = `${about.model}: what it saw`;
  yield `${htmlHead({ mark: REPORT_MARK, title, styles, scripts, asksItsServer: live !== undefined })}<body>
${body.replace(LIVE_PLACE, () => liveBody)}
`;
  const { palette, made, ...facts } = about;
  const head = {
    ...facts,
    palette: Buffer.from(palette).toString('base64'),
    made: made.toISOString(),
    surpriseSteps: SURPRISE_STEPS,
    ...(live === undefined ? {} : { live }),
  };
  yield `<script type="application/json" id="about">${json(head)}</script>\n`;
  yield ROWS_BEGIN;
  const tally = createTally();
  let listed = 0;
  for await (const row of rows) {
    tally.add(row);
    if (listed >= mostRows) continue;
    yield `${listed === 0 ? '' : ','}\n${json(row)}`;
    listed += 1;
  }
  yield `\n${ROWS_END}\n`;
  yield `<script type="application/json" id="totals">${json(totals(tally.totals()))}</script>\n`;
  yield `${scripts.map((script) => `<script>${script}</script>`).join('\n')}\n</body>\n</html>\n`;
}

/** Where the live part stands in the page. */
const LIVE_PLACE = '<!-- live -->\n';

/** JSON that no text in it can end the script element with. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

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
