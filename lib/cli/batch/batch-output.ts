import { join } from 'node:path';
import { type BatchJob, batchKeys } from '../../contracts/batch.ts';
import { openOutputDirectory } from '../../local/output-directory.ts';
import { readJob } from '../../pipeline/batch/batch-job.ts';
import type { ObjectStore } from '../../pipeline/ports.ts';
import { underPrefix } from '../../pipeline/under-prefix.ts';
import { lookAt } from '../options/look-at.ts';
import { UsageError } from '../usage-error.ts';
import { openBucket, s3Place } from './batch-store.ts';

/** Opens where a job's shards lie: a directory, which is made, or `s3://bucket/prefix`. */
export async function openBatchOutput(place: string): Promise<ObjectStore> {
  const s3 = s3Place(place);
  if (s3 === undefined) return openOutputDirectory(place, { plainNames: true });
  const store = await openBucket(s3.bucket);
  const prefix = s3.path.replace(/\/+$/, '');
  return prefix === '' ? store : underPrefix(store, `${prefix}/`);
}

/** Opens the job that lies at `place`. */
export async function openBatchJob(place: string): Promise<{ output: ObjectStore; job: BatchJob }> {
  // Opening a directory for output makes folders in it.
  if (s3Place(place) === undefined && lookAt(join(place, batchKeys.job), place) === undefined) throw noJob(place);
  const output = await openBatchOutput(place);
  const job = await readJob(output);
  if (job === undefined) throw noJob(place);
  return { output, job };
}

function noJob(place: string): UsageError {
  return new UsageError(`${place}: expected a batch job (_job.json), but there is none; igpt batch run makes one`);
}
