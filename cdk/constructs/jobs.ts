import type { Construct } from 'constructs';
import { type BatchJobProps, batchJob } from './batch-job.ts';
import type { OutputValues } from './outputs.ts';
import { trainingJob } from './training-job.ts';

/** The places for jobs that are asked for, and the outputs that tell of them. */
export function jobs(scope: Construct, props: BatchJobProps): Partial<OutputValues> {
  const training = props.config.training ? trainingJob(scope, props) : undefined;
  const batch = props.config.batch ? batchJob(scope, props) : undefined;
  return {
    ...(training && {
      trainingQueue: training.queue.jobQueueArn,
      trainingJob: training.definition.jobDefinitionArn,
    }),
    ...(batch && { batchQueue: batch.queue.jobQueueArn, batchJob: batch.definition.jobDefinitionArn }),
  };
}
