import type { Job, JobSummary } from '../../contracts/job.ts';
import { type PlanOptions, planJob } from '../../jobs/plan-job.ts';
import { ImageGptError } from '../../ports/error.ts';
import { type JobReportOptions, jobReportPath, writeJobReport } from '../../report/job-report.ts';
import type { Stop } from '../interrupt.ts';
import { sameCommand } from '../invocation.ts';
import { duration, type ProgressBar } from './progress-bar.ts';
import { withFailures } from './run-summary.ts';
import { type Column, table } from './table.ts';
import { printable } from './text.ts';

const right = { align: 'right' } as const;

/** The summary of a job as a table. */
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
  return withFailures(totals, failures);
}

/** {@link planJob} with a progress bar. After an interrupt it reports that, and returns undefined. */
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

/**
 * {@link writeJobReport} with a progress bar. If the report is not written, says why and returns false; the job and its
 * summary are not affected.
 */
export async function writeReportWithProgress(
  options: Omit<JobReportOptions, 'onProgress'>,
  bar: ProgressBar,
): Promise<boolean> {
  const path = printable(jobReportPath(options.place));
  try {
    const listed = await writeJobReport({
      ...options,
      onProgress: (done, total) => bar.update(done, total, 'writing the report'),
    });
    if (listed === undefined) {
      bar.say(`igpt: interrupted; ${path} was not changed, and all shards are stored`);
      return false;
    }
    bar.say(`report: ${path}${options.job.pictures > listed ? `, of the first ${listed} pictures` : ''}`);
    return true;
  } catch (error) {
    if (!(error instanceof ImageGptError)) throw error;
    bar.say(`igpt: the report cannot be written: ${error.message} The shards are stored.`);
    return false;
  }
}

/** Reports an interrupt and how to continue, and sets the exit code. */
export function sayStopped(stop: Stop): void {
  process.stderr.write(`\nStopped before the end; complete shards are kept. To resume: ${sameCommand()}\n`);
  process.exitCode = stop.exitCode();
}
