import { UsageError } from '../ports/error.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { jobPlace } from './job-place.ts';

export interface TrainingRequest {
  /** `igpt-nano`, or `s3://bucket/prefix` of a checkpoint in the output bucket. */
  model: string;
  /** Name of the training, or its place in S3. */
  out: string;
  /** Options of `igpt train`, without model and place. */
  arguments: readonly string[];
}

export interface SubmittedTraining {
  /** Id of the job in AWS Batch. */
  job: string;
  name: string;
  /** `s3://bucket/training/name`: the model and its metrics. */
  out: string;
}

/**
 * Submits a training to AWS Batch. Loads the AWS SDK.
 *
 * @throws {UsageError} when the stack takes no trainings, or `out` is outside its folder of trainings
 * @throws {CommandError} when AWS Batch does not accept the job
 */
export async function submitTraining(stack: DeployedStack, request: TrainingRequest): Promise<SubmittedTraining> {
  const { trainingQueue: queue, trainingJob: definition } = stack.outputs;
  if (queue === undefined || definition === undefined) {
    throw new UsageError(`stack ${stack.name} takes no trainings; deploy it with npx cdk deploy -c training=true`);
  }
  const out = jobPlace(request.out, stack.outputs, 'training');
  const name = `igpt-train-${out.slice(out.lastIndexOf('/') + 1)}`.replaceAll(/[^\w-]/g, '-').slice(0, 128);
  const environment = {
    TRAIN_OUT: out,
    TRAIN_MODEL: request.model,
    TRAIN_ARGUMENTS: JSON.stringify(request.arguments),
  };
  const [{ createBatchClient }, { submitJob }] = await Promise.all([import('./clients.ts'), import('./aws-job.ts')]);
  const job = await submitJob(createBatchClient(), { queue, definition, name, environment });
  return { job, name, out };
}
