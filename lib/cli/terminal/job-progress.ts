import type { Job, JobSummary } from '../../contracts/job.ts';
import { type PlanOptions, planJob } from '../../jobs/plan-job.ts';
import type { Stop } from '../interrupt.ts';
import { sameCommand } from '../invocation.ts';
import { duration, type ProgressBar } from './progress-bar.ts';
import { type Column, table } from './table.ts';

const right = { align: 'right' } as const;

/** What became of a job, for people. */
export function jobSummaryText({ pictures, succeeded, failed, failures, shards, last_run: run }: JobSummary): string {
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

/** The job of an output, see {@link planJob}; undefined when an interrupt came first, which has been said then. */
export async function planWithProgress(
  options: Omit<PlanOptions, 'signal' | 'onListed'>,
  bar: ProgressBar,
  stop: Stop,
): Promise<Job | undefined> {
  const { signal } = stop;
  try {
    return await planJob({
      ...options,
      signal,
      onListed: (pictures) => bar.update(pictures, undefined, 'listing'),
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    bar.stop();
    sayStopped(stop);
    return undefined;
  }
}

/** Ends a command that an interrupt ended, with how to go on. */
export function sayStopped(stop: Stop): void {
  process.stderr.write(`\nStopped before the end; complete shards are kept. To go on: ${sameCommand()}\n`);
  process.exitCode = stop.exitCode();
}
