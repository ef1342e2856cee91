import { type BatchClient, SubmitJobCommand } from '@aws-sdk/client-batch';
import { commandError } from './command-error.ts';

export interface TrainingJobRequest {
  /** ARNs of the stack's job queue and job definition. */
  queue: string;
  definition: string;
  /** Letters, digits, hyphens and underscores, at most 128. */
  name: string;
  /** What functions/train is told, see its environment in lib/contracts/environment.ts. */
  environment: Readonly<Record<string, string>>;
}

/**
 * Sends a training job to AWS Batch. Returns its id.
 *
 * @throws CommandError
 */
export async function submitTraining(client: BatchClient, request: TrainingJobRequest): Promise<string> {
  const { queue: jobQueue, definition: jobDefinition, name: jobName, environment: variables } = request;
  const environment = Object.entries(variables).map(([name, value]) => ({ name, value }));
  try {
    const command = new SubmitJobCommand({ jobName, jobQueue, jobDefinition, containerOverrides: { environment } });
    const { jobId = '' } = await client.send(command);
    return jobId;
  } catch (error) {
    throw commandError(`submit the training job ${jobName}`, error);
  }
}
