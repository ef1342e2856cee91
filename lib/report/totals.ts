import type { ReportRow } from './report-row.ts';

/** Totals of all pictures, listed or not. */
export interface Totals {
  pictures: number;
  succeeded: number;
  failed: number;
  /** Mean over the pictures with a likelihood; null when there is none. */
  nats: number | null;
  /** Pictures by most probable class, most first. */
  labels: [label: string, pictures: number][];
  /** Failed pictures by code, most first. */
  failures: [code: string, pictures: number][];
  /** Present when `nats` and `labels` cover only the listed pictures. */
  listedOnly?: true;
}

/** The part of a row that is counted. */
export type CountedRow = Pick<ReportRow, 'classes' | 'nats' | 'error'>;

export interface Tally {
  add(row: CountedRow): void;
  /** Removes a row that was added before. */
  remove(row: CountedRow): void;
  totals(): Totals;
}

/** Counts rows. Its memory grows with the number of classes, not of rows. */
export function createTally(): Tally {
  const labels = new Map<string, number>();
  const failures = new Map<string, number>();
  let [pictures, failed, nats, measured] = [0, 0, 0, 0];

  function count(row: CountedRow, by: 1 | -1): void {
    pictures += by;
    if (row.error !== null) {
      failed += by;
      change(failures, row.error.code, by);
    }
    const best = row.classes?.[0];
    if (best !== undefined) change(labels, best.label, by);
    if (row.nats !== null) {
      nats += by * row.nats;
      measured += by;
    }
  }

  return {
    add: (row) => count(row, 1),
    remove: (row) => count(row, -1),
    totals: () => ({
      pictures,
      succeeded: pictures - failed,
      failed,
      nats: measured === 0 ? null : nats / measured,
      labels: byAmount(labels),
      failures: byAmount(failures),
    }),
  };
}

function change(counts: Map<string, number>, name: string, by: number): void {
  const now = (counts.get(name) ?? 0) + by;
  if (now === 0) counts.delete(name);
  else counts.set(name, now);
}

/** Sorted by amount, largest first; equal amounts by name. */
export function byAmount(counts: Iterable<[name: string, amount: number]>): [string, number][] {
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
