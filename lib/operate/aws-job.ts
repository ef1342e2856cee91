import {
  type BatchClient,
  DescribeJobDefinitionsCommand,
  DescribeJobsCommand,
  type JobDetail,
  ListJobsCommand,
  SubmitJobCommand,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { readEnvironment } from '../aws/read-environment.ts';
import { type JobDefinition, jobDefinition } from '../contracts/environment.ts';
import { commandError } from './operator-error.ts';

/**
 * Ends a job of AWS Batch with all its children: those that run get SIGTERM, those that wait never start. Source: AWS
 * Batch API Reference, "TerminateJob".
 *
 * @throws CommandError
 */
export async function endJob(client: BatchClient, jobId: string, reason: string): Promise<void> {
  try {
    await client.send(new TerminateJobCommand({ jobId, reason }));
  } catch (error) {
    throw commandError(`end the job ${jobId}`, error);
  }
}

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

export interface JobRequest {
  /** ARNs of the stack's job queue and job definition. */
  queue: string;
  definition: string;
  /** Letters, digits, hyphens and underscores, at most 128. */
  name: string;
  /** What the job is told besides its definition's environment, see lib/contracts/environment.ts. */
  environment: Readonly<Record<string, string>>;
  /** Children of an array job. Default: 1, a plain job. */
  children?: number;
}

/**
 * Sends a job to AWS Batch. Returns its id.
 *
 * @throws CommandError
 */
export async function submitJob(client: BatchClient, request: JobRequest): Promise<string> {
  const { queue: jobQueue, definition: jobDefinition, name: jobName, environment: variables, children = 1 } = request;
  const environment = Object.entries(variables).map(([name, value]) => ({ name, value }));
  try {
    const command = new SubmitJobCommand({
      ...{ jobName, jobQueue, jobDefinition },
      containerOverrides: { environment },
      ...(children > 1 && { arrayProperties: { size: children } }),
    });
    const { jobId = '' } = await client.send(command);
    return jobId;
  } catch (error) {
    throw commandError(`submit the job ${jobName}`, error);
  }
}

/**
 * The model of a stack and what its workers compute, from its definition of batch jobs.
 *
 * @throws CommandError; EnvironmentError when the definition is none of ours
 */
export async function readJobDefinition(client: BatchClient, definition: string): Promise<JobDefinition> {
  const command = new DescribeJobDefinitionsCommand({ jobDefinitions: [definition] });
  const { jobDefinitions: [found] = [] } = await client.send(command).catch((error: unknown) => {
    throw commandError('read the definition of batch jobs', error);
  });
  const variables = found?.containerProperties?.environment ?? [];
  return readEnvironment(jobDefinition, Object.fromEntries(variables.map(({ name = '', value }) => [name, value])));
}
