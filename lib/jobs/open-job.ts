import { basename, join } from 'node:path';
import { type Job, jobKeys } from '../contracts/job.ts';
import { folderPrefix, parseS3Location } from '../contracts/s3-location.ts';
import { checkDirectoryPair } from '../local/directory-pair.ts';
import { openOutputDirectory } from '../local/output-directory.ts';
import { statPath } from '../local/stat-path.ts';
import { UsageError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { inventoryName } from './job-source.ts';
import { openPlace } from './open-place.ts';
import { readJob } from './plan-job.ts';

interface OpenOptions {
  /** Opens without any change, so that a directory without write permission works too (default false). */
  readOnly?: boolean;
}

/** Opens the output of a job: a directory, which is created, or `s3://bucket/prefix`. */
export async function openJobOutput(place: string, { readOnly = false }: OpenOptions = {}): Promise<ObjectStore> {
  return parseS3Location(place) === undefined
    ? openOutputDirectory(place, { plainNames: true, readOnly })
    : openPlace(place);
}

/**
 * Refuses an output that lies among the pictures: a listing would take its shards for pictures.
 *
 * @throws UsageError
 */
export async function checkJobOutput(src: string, out: string): Promise<void> {
  refuseEmpty(out);
  const [from, to] = [parseS3Location(src), parseS3Location(out)];
  if (from === undefined && to === undefined && statPath(src, src)?.isDirectory() === true) {
    await checkDirectoryPair(src, out);
  }
  if (from === undefined || from.bucket !== to?.bucket || basename(from.path) === inventoryName) return;
  if (folderPrefix(to.path).startsWith(folderPrefix(from.path))) {
    throw new UsageError(
      `--out ${out} lies inside ${src}, so shards would be taken for pictures; choose another prefix with --out`,
    );
  }
}

/**
 * Opens an existing job.
 *
 * @throws UsageError when there is no job at `place`
 */
export async function openJob(place: string, options: OpenOptions = {}): Promise<{ output: ObjectStore; job: Job }> {
  refuseEmpty(place);
  // Checked first, because opening a directory for output creates folders in it.
  if (parseS3Location(place) === undefined && statPath(join(place, jobKeys.job), place) === undefined)
    throw noJob(place);
  const output = await openJobOutput(place, options);
  const job = await readJob(output);
  if (job === undefined) throw noJob(place);
  return { output, job };
}

function refuseEmpty(place: string): void {
  if (place === '')
    throw new UsageError('expected a directory or s3://bucket/prefix for the shards, received an empty name');
}

function noJob(place: string): UsageError {
  return new UsageError(`${place}: expected a job, but there is no _job.json; igpt batch run makes one`);
}
