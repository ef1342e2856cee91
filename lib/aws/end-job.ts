import { type BatchClient, TerminateJobCommand } from '@aws-sdk/client-batch';
import { commandError } from './command-error.ts';

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
