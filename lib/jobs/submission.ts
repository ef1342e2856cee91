import { type Job, type JobSubmission, jobKeys } from '../contracts/job.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore, WriteCondition } from '../ports/object-store.ts';
import { storedShards } from './shard.ts';
import { JobError, jsonBytes } from './stored-json.ts';
import { reopenJob } from './summary.ts';

/** The condition for writing a job's next submission: that the last one has not changed since. */
export async function submissionCondition(output: ObjectStore): Promise<WriteCondition> {
  const last = await output.head(jobKeys.submission);
  return last === undefined ? { ifNoneMatch: '*' } : { ifMatch: last.etag };
}

/**
 * Stores the list of a job's missing shards, one for each child on AWS; undefined when the job is done. If all shards
 * are stored but the job is not finished, one child is listed to finish it.
 *
 * @param condition from {@link submissionCondition}, read before checking whether the job runs on AWS: if two users
 *   submit at once, only one continues
 * @throws {JobError} `submitted_elsewhere`
 */
export async function writeSubmission(
  output: ObjectStore,
  job: Job,
  condition: WriteCondition,
  clock: Clock,
): Promise<JobSubmission | undefined> {
  const stored = await storedShards(output, job);
  const missing = [...job.shards.keys()].filter((shard) => !stored.has(shard));
  if (missing.length === 0 && (await output.head(jobKeys.success)) !== undefined) return undefined;
  await reopenJob(output);
  const submission: JobSubmission = {
    job: job.id,
    submitted_at: clock.now().toISOString(),
    pictures: missing.reduce((sum, shard) => sum + (job.shards[shard]?.pictures ?? 0), 0),
    shards: missing.length === 0 ? [0] : missing,
  };
  const { status } = await output.put(jobKeys.submission, jsonBytes(submission), condition);
  if (status === 'stored') return submission;
  throw new JobError(
    'submitted_elsewhere',
    'Expected no other submission of this job, but somebody else has just submitted it: see igpt batch status.',
  );
}
