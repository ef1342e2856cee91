import type { StackOptions } from '../cli/options/stack-option.ts';
import { type Job, jobKeys } from '../contracts/job.ts';
import { openJobOutput } from '../jobs/open-job.ts';
import { readJob } from '../jobs/plan-job.ts';
import { sha256 } from '../pipeline/outcome-key.ts';
import { UsageError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { type DeployedStack, openStack } from './deployed-stack.ts';

/** A deployed stack that takes batch jobs. */
export interface JobStack {
  stack: DeployedStack;
  /** ARNs of its job queue and job definition. */
  queue: string;
  definition: string;
}

/** Where the jobs of a stack lie in its output bucket: all that they may write. */
const JOBS = 'batch/';

/** @throws UsageError when the stack has no place for batch jobs; as openStack */
export async function openJobStack(options: StackOptions): Promise<JobStack> {
  const stack = await openStack(options);
  const { batchQueue: queue, batchJob: definition } = stack.outputs;
  if (queue !== undefined && definition !== undefined) return { stack, queue, definition };
  throw new UsageError(
    `stack ${stack.name} has no place for batch jobs; deploy it with npx cdk deploy -c batch=true, or use igpt batch run on a machine of yours`,
  );
}

/** The place that `dst`, a name or an address in S3, means in a stack: `s3://bucket/batch/name`. */
export function jobPlace(dst: string, { outputs }: DeployedStack): string {
  const own = `s3://${outputs.outputBucket}/${JOBS}`;
  const place = /^[A-Za-z0-9][\w.-]*$/.test(dst) ? own + dst : dst.replace(/\/+$/, '');
  if (place.startsWith(own) && place.length > own.length) return place;
  throw new UsageError(
    `${dst}: expected a name, or a place below ${own}, which is all that a batch job of this stack may write`,
  );
}

/** What AWS Batch calls a job: the same for the same job at the same place. */
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

/** Opens the job that lies at `dst` of a stack. */
export async function openSubmittedJob(dst: string, options: StackOptions): Promise<SubmittedJob> {
  const batch = await openJobStack(options);
  const place = jobPlace(dst, batch.stack);
  const output = await openJobOutput(place);
  const job = await readJob(output);
  if (job !== undefined) return { ...batch, place, output, job, name: jobName(job, place) };
  throw new UsageError(
    `${place}: expected a batch job (${jobKeys.job}), but there is none; igpt batch submit makes one`,
  );
}
