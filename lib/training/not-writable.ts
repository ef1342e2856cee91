import { errorCode } from '../local/file-error.ts';
import { TrainingError } from './error.ts';

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
