import { type Job, type JobSubmission, jobKeys } from '../contracts/job.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore, WriteCondition } from '../ports/object-store.ts';
import { storedShards } from './shard.ts';
import { JobError, jsonBytes } from './stored-json.ts';
import { reopenJob } from './summary.ts';

/** What a job's next submission must find: the last one, or none. */
export async function submissionCondition(output: ObjectStore): Promise<WriteCondition> {
  const last = await output.head(jobKeys.submission);
  return last === undefined ? { ifNoneMatch: '*' } : { ifMatch: last.etag };
}

/**
 * Writes down which shards of a job are missing, for the children that will do them; undefined when it is done. Where
 * all are there and nobody has said so, one child will.
 *
 * @param condition read before it was looked whether the job runs: of two who submit at once, one goes on
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
    'Expected to be the only one who submits this job, but somebody else has just done so: igpt batch status shows it.',
  );
}
