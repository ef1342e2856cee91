import {
  type BatchClient,
  type JobDetail,
  type JobStatus,
  type JobSummary,
  ListJobsCommand,
} from '@aws-sdk/client-batch';
import { commandError } from './command-error.ts';

/** State of a job of AWS Batch and its children. A job without children counts as its own only child. */
export interface JobState {
  id: string;
  /** AWS Batch's status of the job. */
  status: string;
  /** Number of children by state. `starting`: a machine is found and starts the container. */
  children: Record<'waiting' | 'starting' | 'running' | 'succeeded' | 'failed', number>;
  /** Mean time of the succeeded children; null while there are none. */
  childSeconds: number | null;
  /** Estimated time of all children that run or ended. Attempts that Spot interrupted are not included. */
  machineSeconds: number;
  /** AWS Batch's reason why children wait; null while it gives none. */
  waitsFor: string | null;
  failures: JobFailure[];
}

interface JobFailure {
  reason: string;
  /** Children that failed for this reason. */
  children: number;
  /** Job id of one of them. */
  child: string;
}

/** Most jobs in one answer of ListJobs (source: its API reference). With more children, these represent all. */
const sampleSize = 1000;

/** @throws {CommandError} */
export async function readJobState(client: BatchClient, job: JobDetail, now: Date): Promise<JobState> {
  const { jobId: id = '', status = '', arrayProperties } = job;
  const counts: Partial<Record<string, number>> = arrayProperties?.statusSummary ?? { [status]: 1 };
  const count = (...of: JobStatus[]): number => of.reduce((sum, one) => sum + (counts[one] ?? 0), 0);
  async function sample(of: JobStatus): Promise<JobSummary[]> {
    if (count(of) === 0) return [];
    if (arrayProperties?.size === undefined) return [job];
    const command = new ListJobsCommand({ arrayJobId: id, jobStatus: of, maxResults: sampleSize });
    const { jobSummaryList = [] } = await client.send(command);
    return jobSummaryList;
  }
  try {
    const [done, running, failed, runnable] = await Promise.all(
      (['SUCCEEDED', 'RUNNING', 'FAILED', 'RUNNABLE'] as const).map(sample),
    );
    const childSeconds = meanSeconds(done ?? [], now);
    const times: [children: number, meanSeconds: number | null][] = [
      [count('SUCCEEDED'), childSeconds],
      [count('RUNNING'), meanSeconds(running ?? [], now)],
      [count('FAILED'), meanSeconds(failed ?? [], now)],
    ];
    return {
      id,
      status,
      childSeconds,
      children: {
        waiting: count('SUBMITTED', 'PENDING', 'RUNNABLE'),
        starting: count('STARTING'),
        running: count('RUNNING'),
        succeeded: count('SUCCEEDED'),
        failed: count('FAILED'),
      },
      machineSeconds: times.reduce((sum, [children, seconds]) => sum + children * (seconds ?? 0), 0),
      waitsFor: [...(runnable ?? []), job].find((one) => waits(one) && one.statusReason)?.statusReason ?? null,
      failures: failuresOf(failed ?? []),
    };
  } catch (error) {
    throw commandError(`read the job ${id}`, error);
  }
}

function waits({ status }: Pick<JobSummary, 'status'>): boolean {
  return status === 'RUNNABLE' || status === 'PENDING';
}

/** Mean run time; a job that was cancelled before its start counts with 0 s. Null without jobs. */
function meanSeconds(jobs: readonly JobSummary[], now: Date): number | null {
  const seconds = jobs.map(({ startedAt, stoppedAt }) =>
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
