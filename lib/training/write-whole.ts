import { rename, rm, writeFile } from 'node:fs/promises';
import { errorCode } from '../ports/error.ts';
import { TrainingError } from './error.ts';

/**
 * Writes a small file that takes its name when it is whole; what had the name goes only then.
 *
 * @throws TrainingError `run_not_writable`
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await writeFile(temporary, content, { flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw notWritable(path, error);
  }
}

/**
 * What a file system refused, in our words; any other error as it is.
 *
 * @param what could not be written
 */
export function notWritable(what: string, error: unknown): unknown {
  const code = errorCode(error);
  if (error instanceof TrainingError || code === undefined) return error;
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'its disk is full' : code;
  return new TrainingError(
    'run_not_writable',
    `could not write ${what} (${why}); earlier checkpoints are whole: make room or allow writing there, and run the same command again`,
    { cause: error },
  );
}
