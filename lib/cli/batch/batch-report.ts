import type { BatchSummary } from '../../contracts/batch.ts';
import { duration } from '../terminal/progress-bar.ts';
import { type Column, table } from '../terminal/table.ts';

const right = { align: 'right' } as const;

/** What became of a job, for people. */
export function batchReport({ pictures, succeeded, failed, failures, shards, last_run: run }: BatchSummary): string {
  const rate = run.pictures > 0 ? `, ${run.pictures_per_second.toFixed(1)} pictures/s` : '';
  const columns: Column[] = [
    { title: 'pictures', ...right },
    { title: 'succeeded', ...right },
    { title: 'failed', ...right },
    { title: 'shards', ...right },
    { title: 'this run', ...right },
    ...(run.cost_usd === null ? [] : [{ title: 'USD', ...right }]),
  ];
  const took = run.pictures > 0 ? `${run.pictures} in ${duration(run.seconds)}${rate}` : 'nothing to do';
  const totals = table(columns, [
    [...[pictures, succeeded, failed, shards.length].map(String), took, (run.cost_usd ?? 0).toFixed(4)],
  ]);
  const codes = Object.entries(failures).toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  if (codes.length === 0) return totals;
  const failedWith = table(
    [{ title: 'failed with' }, { title: 'pictures', ...right }],
    codes.map(([code, count]) => [code, String(count)]),
  );
  return `${totals}\n${failedWith}`;
}
