import { type BatchJob, type BatchSubmission, batchKeys } from '../../contracts/batch.ts';
import type { Clock, ObjectStore, WriteCondition } from '../ports.ts';
import { BatchError } from './batch-error.ts';
import { storedShards } from './batch-shard.ts';
import { reopenJob } from './batch-summary.ts';
import { jsonBytes } from './stored-json.ts';

/** What a job's next submission must find: the last one, or none. */
export async function submissionCondition(output: ObjectStore): Promise<WriteCondition> {
  const last = await output.head(batchKeys.submission);
  return last === undefined ? { ifNoneMatch: '*' } : { ifMatch: last.etag };
}

/**
 * Writes down which shards of a job are missing, for the children that will do them; undefined when it is done. Where
 * all are there and nobody has said so, one child will.
 *
 * @param condition read before it was looked whether the job runs: of two who submit at once, one goes on
 * @throws {BatchError} `submitted_elsewhere`
 */
export async function writeSubmission(
  output: ObjectStore,
  job: BatchJob,
  condition: WriteCondition,
  clock: Clock,
): Promise<BatchSubmission | undefined> {
  const stored = await storedShards(output, job);
  const missing = [...job.shards.keys()].filter((shard) => !stored.has(shard));
  if (missing.length === 0 && (await output.head(batchKeys.success)) !== undefined) return undefined;
  await reopenJob(output);
  const submission: BatchSubmission = {
    job: job.id,
    submitted_at: clock.now().toISOString(),
    pictures: missing.reduce((sum, shard) => sum + (job.shards[shard]?.pictures ?? 0), 0),
    shards: missing.length === 0 ? [0] : missing,
  };
  const { status } = await output.put(batchKeys.submission, jsonBytes(submission), condition);
  if (status === 'stored') return submission;
  throw new BatchError(
    'submitted_elsewhere',
    'Expected to be the only one who submits this job, but somebody else has just done so: igpt batch status shows it.',
  );
}
