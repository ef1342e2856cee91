import {
  type BatchClient,
  type JobDetail,
  type JobStatus,
  type JobSummary,
  ListJobsCommand,
} from '@aws-sdk/client-batch';
import { commandError } from './operator-error.ts';

/** What becomes of the children of a job of AWS Batch; a plain job is its own only child. */
export interface JobState {
  id: string;
  /** Batch's word for the whole. */
  status: string;
  /** Children that wait for a machine, start on one, run, have ended well, have failed. */
  children: Record<'waiting' | 'starting' | 'running' | 'succeeded' | 'failed', number>;
  /** Of a child that ended well, mean; null while there is none. */
  childSeconds: number | null;
  /** Of all children that run or ended, about; attempts that Spot ended are not counted. */
  machineSeconds: number;
  /** Batch's words for why children wait; null while it gives no reason. */
  waitsFor: string | null;
  failures: JobFailure[];
}

interface JobFailure {
  reason: string;
  children: number;
  /** Job id of one of them. */
  child: string;
}

/** ListJobs gives no more at once for one status; of more children these are taken for all. Source: its API reference. */
const sampleSize = 1000;

/** @throws CommandError */
export async function readJobState(client: BatchClient, job: JobDetail, now: Date): Promise<JobState> {
  const { jobId: id = '', status = '', arrayProperties } = job;
  const counts: Partial<Record<string, number>> = arrayProperties?.statusSummary ?? { [status]: 1 };
  const count = (...of: JobStatus[]): number => of.reduce((sum, one) => sum + (counts[one] ?? 0), 0);
  async function sample(of: JobStatus): Promise<JobSummary[]> {
    if (count(of) === 0) return [];
    if (arrayProperties?.size === undefined) return [job];
    const about = { arrayJobId: id, jobStatus: of, maxResults: sampleSize };
    const { jobSummaryList = [] } = await client.send(new ListJobsCommand(about));
    return jobSummaryList;
  }
  try {
    const [done, running, failed, runnable] = await Promise.all(
      (['SUCCEEDED', 'RUNNING', 'FAILED', 'RUNNABLE'] as const).map(sample),
    );
    const childSeconds = meanSeconds(done ?? [], now);
    const spent: [number, number | null][] = [
      [count('SUCCEEDED'), childSeconds],
      [count('RUNNING'), meanSeconds(running ?? [], now)],
      [count('FAILED'), meanSeconds(failed ?? [], now)],
    ];
    return {
      ...{ id, status, childSeconds },
      children: {
        waiting: count('SUBMITTED', 'PENDING', 'RUNNABLE'),
        starting: count('STARTING'),
        running: count('RUNNING'),
        succeeded: count('SUCCEEDED'),
        failed: count('FAILED'),
      },
      machineSeconds: spent.reduce((sum, [children, seconds]) => sum + children * (seconds ?? 0), 0),
      waitsFor: [...(runnable ?? []), job].find((one) => waits(one) && one.statusReason)?.statusReason ?? null,
      failures: failuresOf(failed ?? []),
    };
  } catch (error) {
    throw commandError(`look at the job ${id}`, error);
  }
}

function waits({ status }: Pick<JobSummary, 'status'>): boolean {
  return status === 'RUNNABLE' || status === 'PENDING';
}

/** Of those that ever ran: none does while it waits, and none that was cancelled before. */
function meanSeconds(jobs: readonly JobSummary[], now: Date): number | null {
  const seconds = jobs.flatMap(({ startedAt, stoppedAt }) =>
    startedAt === undefined ? 0 : ((stoppedAt ?? now.getTime()) - startedAt) / 1000,
  );
  return seconds.length === 0 ? null : seconds.reduce((sum, one) => sum + Math.max(one, 0), 0) / seconds.length;
}

function failuresOf(jobs: readonly JobSummary[]): JobFailure[] {
  const byReason = new Map<string, JobFailure>();
  for (const { jobId, statusReason, container } of jobs) {
    const parts = [statusReason, container?.reason, exitWords(container?.exitCode)];
    const reason = [...new Set(parts)].filter((part) => part !== undefined).join('; ') || 'no reason given';
    const { children = 0, child = jobId ?? '' } = byReason.get(reason) ?? {};
    byReason.set(reason, { reason, children: children + 1, child });
  }
  return [...byReason.values()].toSorted((a, b) => b.children - a.children);
}

function exitWords(exitCode: number | undefined): string | undefined {
  return exitCode === undefined ? undefined : `exit code ${exitCode}`;
}
