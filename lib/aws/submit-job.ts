import { type BatchClient, SubmitJobCommand } from '@aws-sdk/client-batch';
import { commandError } from './command-error.ts';

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
