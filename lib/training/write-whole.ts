import { rm } from 'node:fs/promises';
import { nameBeside } from '../files/leftovers.ts';
import { replaceFile } from '../files/place-file.ts';
import { createFile } from '../files/regular-file.ts';
import { errorCode, ImageGptError } from '../ports/error.ts';
import { TrainingError } from './error.ts';

/**
 * Writes a small file beside `path` and renames it, so that a reader sees the old content or the new, never a part.
 *
 * @throws TrainingError `run_not_writable`
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = nameBeside(path, 'tmp');
  try {
    await createFile(temporary, content);
    await replaceFile(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw notWritable(path, error);
  }
}

/**
 * Turns an error of the system into a TrainingError; returns any other error unchanged.
 *
 * @param what could not be written
 */
export function notWritable(what: string, error: unknown): unknown {
  const code = errorCode(error);
  if (error instanceof ImageGptError || code === undefined) return error;
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'its disk is full' : code;
  return new TrainingError(
    'run_not_writable',
    `could not write ${what} (${why}); earlier checkpoints are intact: free space or allow writing there, then run the same command again`,
    { cause: error },
  );
}
