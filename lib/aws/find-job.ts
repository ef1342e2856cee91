import { type BatchClient, DescribeJobsCommand, type JobDetail, ListJobsCommand } from '@aws-sdk/client-batch';
import { commandError } from './command-error.ts';

/** Before these two, a job waits, starts or runs. */
export function hasEnded({ status }: JobDetail): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED';
}

/**
 * The job of this name that was sent last to a queue; undefined when Batch knows none, which it forgets a week after
 * their end.
 *
 * @throws CommandError
 */
export async function findJob(client: BatchClient, jobQueue: string, name: string): Promise<JobDetail | undefined> {
  try {
    const filters = [{ name: 'JOB_NAME', values: [name] }];
    // The most recent come first.
    const { jobSummaryList: found = [] } = await client.send(new ListJobsCommand({ jobQueue, filters }));
    const [latest] = found.toSorted((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0));
    if (latest?.jobId === undefined) return undefined;
    const { jobs: [job] = [] } = await client.send(new DescribeJobsCommand({ jobs: [latest.jobId] }));
    return job;
  } catch (error) {
    throw commandError(`look for the job ${name}`, error);
  }
}
