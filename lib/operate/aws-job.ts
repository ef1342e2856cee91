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
import { commandError } from './command-error.ts';

/** False while a job waits, starts or runs. */
export function hasEnded({ status }: JobDetail): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED';
}

/**
 * The latest job of this name in a queue. Undefined if AWS Batch knows none; it forgets a job a week after its end.
 *
 * @throws {CommandError}
 */
export async function findJob(client: BatchClient, jobQueue: string, name: string): Promise<JobDetail | undefined> {
  try {
    const filters = [{ name: 'JOB_NAME', values: [name] }];
    const { jobSummaryList: found = [] } = await client.send(new ListJobsCommand({ jobQueue, filters }));
    const [latest] = found.toSorted((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0));
    if (latest?.jobId === undefined) return undefined;
    const { jobs: [job] = [] } = await client.send(new DescribeJobsCommand({ jobs: [latest.jobId] }));
    return job;
  } catch (error) {
    throw commandError(`find the job ${name}`, error);
  }
}

/**
 * Ends a job with all its children: running ones get SIGTERM, waiting ones never start. Source: AWS Batch API Reference,
 * "TerminateJob".
 *
 * @throws {CommandError}
 */
export async function endJob(client: BatchClient, jobId: string, reason: string): Promise<void> {
  try {
    await client.send(new TerminateJobCommand({ jobId, reason }));
  } catch (error) {
    throw commandError(`end the job ${jobId}`, error);
  }
}

export interface JobRequest {
  /** ARNs of the stack's job queue and job definition. */
  queue: string;
  definition: string;
  /** Letters, digits, hyphens and underscores, at most 128. */
  name: string;
  /** Variables besides those of the definition, see lib/contracts/environment.ts. */
  environment: Readonly<Record<string, string>>;
  /** Children of an array job (default: 1, a job without children). */
  children?: number | undefined;
}

/**
 * Submits a job to AWS Batch. Returns its id.
 *
 * @throws {CommandError}
 */
export async function submitJob(client: BatchClient, request: JobRequest): Promise<string> {
  const { name: jobName, environment, children = 1 } = request;
  try {
    const command = new SubmitJobCommand({
      jobName,
      jobQueue: request.queue,
      jobDefinition: request.definition,
      containerOverrides: { environment: Object.entries(environment).map(([name, value]) => ({ name, value })) },
      arrayProperties: children > 1 ? { size: children } : undefined,
    });
    const { jobId = '' } = await client.send(command);
    return jobId;
  } catch (error) {
    throw commandError(`submit the job ${jobName}`, error);
  }
}

/**
 * Reads which model a stack has and what its workers compute, from its job definition.
 *
 * @throws {CommandError}
 * @throws {EnvironmentError} when it is not a job definition of Image GPT
 */
export async function readJobDefinition(client: BatchClient, definition: string): Promise<JobDefinition> {
  const command = new DescribeJobDefinitionsCommand({ jobDefinitions: [definition] });
  const { jobDefinitions: [found] = [] } = await client.send(command).catch((error: unknown) => {
    throw commandError('read the job definition', error);
  });
  const variables = found?.containerProperties?.environment ?? [];
  return readEnvironment(jobDefinition, Object.fromEntries(variables.map(({ name = '', value }) => [name, value])));
}
