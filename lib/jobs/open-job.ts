import { basename, join } from 'node:path';
import { type Job, jobKeys } from '../contracts/job.ts';
import { folderPrefix, parseS3Location } from '../contracts/s3-location.ts';
import { checkDirectoryPair } from '../local/directory-pair.ts';
import { openOutputDirectory } from '../local/output-directory.ts';
import { statPath } from '../local/stat-path.ts';
import { UsageError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { INVENTORY } from './job-source.ts';
import { openBucket, underPrefix } from './open-place.ts';
import { readJob } from './plan-job.ts';

interface OpenOptions {
  /** Makes and changes nothing, not even the directory: a job that may only be read is opened, too. Default false. */
  readOnly?: boolean;
}

/** Opens where a job's shards lie: a directory, which is made, or `s3://bucket/prefix`. */
export async function openJobOutput(place: string, { readOnly = false }: OpenOptions = {}): Promise<ObjectStore> {
  const s3 = parseS3Location(place);
  if (s3 === undefined) return openOutputDirectory(place, { plainNames: true, readOnly });
  const store = await openBucket(s3.bucket);
  const prefix = folderPrefix(s3.path);
  return prefix === '' ? store : underPrefix(store, prefix);
}

/**
 * Refuses an output among the pictures, where a listing would take it for pictures.
 *
 * @throws UsageError
 */
export async function checkJobOutput(src: string, out: string): Promise<void> {
  refuseEmpty(out);
  const [from, to] = [parseS3Location(src), parseS3Location(out)];
  if (from === undefined && to === undefined && statPath(src, src)?.isDirectory() === true) {
    await checkDirectoryPair(src, out);
  }
  if (from === undefined || from.bucket !== to?.bucket || basename(from.path) === INVENTORY) return;
  if (folderPrefix(to.path).startsWith(folderPrefix(from.path))) {
    throw new UsageError(
      `--out ${out} lies inside ${src}, so shards would be taken for pictures; choose a prefix elsewhere with --out`,
    );
  }
}

/** Opens the job that lies at `place`. */
export async function openJob(place: string, options: OpenOptions = {}): Promise<{ output: ObjectStore; job: Job }> {
  refuseEmpty(place);
  // Opening a directory for output makes folders in it.
  if (parseS3Location(place) === undefined && statPath(join(place, jobKeys.job), place) === undefined)
    throw noJob(place);
  const output = await openJobOutput(place, options);
  const job = await readJob(output);
  if (job === undefined) throw noJob(place);
  return { output, job };
}

function refuseEmpty(place: string): void {
  if (place === '')
    throw new UsageError('expected a directory or s3://bucket/prefix for the shards, got an empty name');
}

function noJob(place: string): UsageError {
  return new UsageError(`${place}: expected a batch job (_job.json), but there is none; igpt batch run makes one`);
}
