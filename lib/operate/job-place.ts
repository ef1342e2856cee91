import type { StackOutputs } from '../contracts/stack-outputs.ts';
import { UsageError } from '../ports/error.ts';

/** Folders of data-set jobs and of trainings in the output bucket. A job's role may write nowhere else. */
type JobFolder = 'batch' | 'training';

/**
 * Place of a job: `s3://bucket/folder/name`. A bare name means this folder of the output bucket.
 *
 * @throws {UsageError} when `given` is outside the folder
 */
export function jobPlace(given: string, { outputBucket }: StackOutputs, folder: JobFolder): string {
  const own = `s3://${outputBucket}/${folder}/`;
  const place = /^[A-Za-z0-9][\w.-]*$/.test(given) ? own + given : given.replace(/\/+$/, '');
  if (place.startsWith(own) && place.length > own.length) return place;
  throw new UsageError(`${given}: expected a name, or a place below ${own}, where this stack's jobs may write`);
}
