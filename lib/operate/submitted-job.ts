import { type Job, jobKeys } from '../contracts/job.ts';
import { openJobOutput } from '../jobs/open-job.ts';
import { readJob } from '../jobs/plan-job.ts';
import { sha256 } from '../pipeline/outcome-key.ts';
import { UsageError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { jobPlace } from './job-place.ts';
import { openStack, type StackOptions } from './open-stack.ts';

/** A deployed stack that takes jobs. */
export interface JobStack {
  stack: DeployedStack;
  /** ARN of its job queue. */
  queue: string;
  /** ARN of its job definition. */
  definition: string;
}

/** @throws {UsageError} when the stack takes no jobs; also the errors of {@link openStack} */
export async function openJobStack(options: StackOptions): Promise<JobStack> {
  const stack = await openStack(options);
  const { batchQueue: queue, batchJob: definition } = stack.outputs;
  if (queue !== undefined && definition !== undefined) return { stack, queue, definition };
  throw new UsageError(
    `stack ${stack.name} takes no jobs; deploy it with npx cdk deploy -c batch=true, or use igpt batch run on your own machine`,
  );
}

/** Name of a job in AWS Batch: the same for the same job at the same place. */
export function jobName({ id }: Job, place: string): string {
  return `igpt-batch-${id}-${sha256(place).slice(0, 8)}`;
}

/** A job that was submitted to a stack. */
export interface SubmittedJob extends JobStack {
  place: string;
  output: ObjectStore;
  job: Job;
  name: string;
}

/**
 * Opens a job that was submitted to a stack.
 *
 * @throws {UsageError} when there is no job at `dst`; also the errors of {@link openJobStack}
 */
export async function openSubmittedJob(dst: string, options: StackOptions): Promise<SubmittedJob> {
  const target = await openJobStack(options);
  const place = jobPlace(dst, target.stack.outputs, 'batch');
  const output = await openJobOutput(place);
  const job = await readJob(output);
  if (job !== undefined) return { ...target, place, output, job, name: jobName(job, place) };
  throw new UsageError(`${place}: expected a job (${jobKeys.job}), found none; create one with igpt batch submit`);
}
