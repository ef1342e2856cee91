import { mostRows, type ReportRow } from './report-row.ts';
import { type CountedRow, createTally, type Totals } from './totals.ts';

/** Progress of the run. */
interface LiveProgress {
  /** Finished pictures: succeeded, failed or skipped. */
  done: number;
  /** Null until all pictures are counted. */
  total: number | null;
}

/** A report that grows while the pipeline runs, for the pages that show it. */
export interface LiveReport {
  /** Adds the row of a picture, or replaces it. `always` lists the row even beyond the limit. */
  put(row: ReportRow, options?: { always?: boolean }): void;
  has(key: string): boolean;
  /** Whether {@link put} would list this picture now. If not, its views need not be made. */
  hasRoom(key: string): boolean;
  setProgress(progress: LiveProgress): void;
  /** Marks the report as complete. */
  end(): void;
  ended(): boolean;
  totals(): Totals;
  progress(): LiveProgress;
  rows(): ReportRow[];
  /** The first `most` listed rows newer than `revision`, oldest first, and the revision of the last of them. */
  rowsAfter(revision: number, most: number): { rows: ReportRow[]; revision: number };
  /** A number that grows with every change. */
  version(): number;
  /** Resolves when the version differs from `version` or `signal` aborts. */
  changedSince(version: number, signal: AbortSignal): Promise<void>;
}

export interface LiveReportOptions {
  /** Rows that are listed (default {@link mostRows}); later ones are only counted. */
  limit?: number;
}

/**
 * The state of a live report. A page asks for the rows that are newer than its own, so only the newest row of each
 * picture is kept. About 200 bytes are kept for a picture that is only counted, in case it changes.
 */
export function createLiveReport({ limit = mostRows }: LiveReportOptions = {}): LiveReport {
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

  const hasRoom = (key: string): boolean => listed.has(key) || listed.size < limit;

  return {
    put(row, { always = false } = {}) {
      const { key, classes, nats, error } = row;
      const before = counted.get(key);
      if (before !== undefined) tally.remove(before);
      tally.add(row);
      counted.set(key, { classes: classes?.slice(0, 1) ?? null, nats, error });
      change();
      if (!always && !hasRoom(key)) return;
      // Delete first: a map keeps the position of a replaced entry, and the newest row must be last.
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
