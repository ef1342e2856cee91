import { MOST_ROWS, type ReportRow } from './report-row.ts';
import { type CountedRow, createTally, type Totals } from './totals.ts';

/** How far the run is. */
interface LiveProgress {
  /** Pictures that have ended, in whichever way. */
  done: number;
  /** Null while they are being counted. */
  total: number | null;
}

/** A report that grows while the pipeline works, for the pages that show it. */
export interface LiveReport {
  /** Takes a row in place of what was known of that picture. `always` lists it beyond the limit, too. */
  put(row: ReportRow, options?: { always?: boolean }): void;
  has(key: string): boolean;
  /** Whether {@link put} would list this picture now, so that a look at it is worth making. */
  hasRoom(key: string): boolean;
  setProgress(progress: LiveProgress): void;
  /** Nothing comes any more. */
  end(): void;
  ended(): boolean;
  totals(): Totals;
  progress(): LiveProgress;
  rows(): ReportRow[];
  /** Up to `most` of the listed rows that came after `revision`, oldest first, and the revision that they lead to. */
  rowsAfter(revision: number, most: number): { rows: ReportRow[]; revision: number };
  /** Goes up with every change. */
  version(): number;
  /** Resolves when the version is another one than `version`, or `signal` aborts. */
  changedSince(version: number, signal: AbortSignal): Promise<void>;
}

export interface LiveReportOptions {
  /** Rows that are listed; later ones are only counted. Default {@link MOST_ROWS}. */
  mostRows?: number;
}

/**
 * The state of a live report. Pages that lag behind or come back ask for what is newer than they have, so nothing is
 * kept for them but the newest row of each picture. Of a picture that is only counted some 200 bytes are kept, in case
 * it changes.
 */
export function createLiveReport({ mostRows = MOST_ROWS }: LiveReportOptions = {}): LiveReport {
  /** In the order of their revisions. */
  const listed = new Map<string, { row: ReportRow; revision: number }>();
  const counted = new Map<string, CountedRow>();
  const tally = createTally();
  let progress: LiveProgress = { done: 0, total: null };
  let ended = false;
  let version = 0;
  let wake = Promise.withResolvers<void>();

  function change(): void {
    version += 1;
    wake.resolve();
    wake = Promise.withResolvers();
  }

  const hasRoom = (key: string): boolean => listed.has(key) || listed.size < mostRows;

  return {
    put(row, { always = false } = {}) {
      const { key, classes, nats, error } = row;
      const before = counted.get(key);
      if (before !== undefined) tally.remove(before);
      tally.add(row);
      counted.set(key, { classes: classes?.slice(0, 1) ?? null, nats, error });
      change();
      if (!always && !hasRoom(key)) return;
      // A map keeps the place of what is replaced: away with it, so that the newest is last.
      listed.delete(key);
      listed.set(key, { row, revision: version });
    },
    has: (key) => counted.has(key),
    hasRoom,
    setProgress(now) {
      if (now.done === progress.done && now.total === progress.total) return;
      progress = now;
      change();
    },
    end() {
      ended = true;
      change();
    },
    ended: () => ended,
    totals: () => tally.totals(),
    progress: () => progress,
    rows: () => [...listed.values()].map(({ row }) => row),
    rowsAfter(revision, most) {
      const rows: ReportRow[] = [];
      let reached = revision;
      for (const item of listed.values()) {
        if (item.revision <= revision) continue;
        if (rows.length === most) break;
        rows.push(item.row);
        reached = item.revision;
      }
      return { rows, revision: reached };
    },
    version: () => version,
    async changedSince(since, signal) {
      if (version !== since || signal.aborted) return;
      const aborted = Promise.withResolvers<void>();
      const abort = (): void => aborted.resolve();
      signal.addEventListener('abort', abort, { once: true });
      await Promise.race([wake.promise, aborted.promise]);
      signal.removeEventListener('abort', abort);
    },
  };
}
