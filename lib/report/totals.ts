import type { ReportRow } from './report-row.ts';

/** What became of all pictures, listed or not. */
export interface Totals {
  pictures: number;
  succeeded: number;
  failed: number;
  /** Mean over the pictures that have one; null where none has. */
  nats: number | null;
  /** Pictures by most probable class, most first. */
  labels: [label: string, pictures: number][];
  /** Failed pictures by code, most first. */
  failures: [code: string, pictures: number][];
}

/** Counts rows in memory that grows with the classes only. */
export function createTally(): { add(row: ReportRow): void; totals(): Totals } {
  const labels = new Map<string, number>();
  const failures = new Map<string, number>();
  let [pictures, failed, nats, measured] = [0, 0, 0, 0];
  return {
    add(row) {
      pictures += 1;
      if (row.error !== null) {
        failed += 1;
        count(failures, row.error.code);
      }
      const best = row.classes?.[0];
      if (best !== undefined) count(labels, best.label);
      if (row.nats !== null) {
        nats += row.nats;
        measured += 1;
      }
    },
    totals: () => ({
      pictures,
      succeeded: pictures - failed,
      failed,
      nats: measured === 0 ? null : nats / measured,
      labels: mostFirst(labels),
      failures: mostFirst(failures),
    }),
  };
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function mostFirst(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
