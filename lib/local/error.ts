import { NotRegularFileError } from '../files/regular-file.ts';
import { errorCode, ImageGptError, TransientError } from '../ports/error.ts';

/** The key cannot be a path of a file in a directory. */
export class KeyError extends ImageGptError {
  constructor(key: string, expected: string) {
    super('invalid_key', `Expected a key ${expected}, received ${JSON.stringify(key)}.`);
  }
}

/** The directory cannot be used for output. */
export class OutputDirectoryError extends ImageGptError {}

/** True if the file does not exist, or if one of its folders is a file. */
export function isMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Meanings of the codes of the system's limits. */
const meanings: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than ulimit -f or the file system allows',
  EMFILE: 'this process has too many files open for ulimit -n',
  ENFILE: 'the machine has too many files open',
};

/** True if the system has no file descriptor left for this process, or none at all. Looks at the causes, too. */
export function isOutOfFiles(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const told = `${errorCode(error)} ${error.message}`;
  return /EMFILE|ENFILE|too many open files/i.test(told) || isOutOfFiles(error.cause);
}

/** What the system said, in words where it is about one of its limits. */
export function systemSaid(cause: unknown): string {
  const code = errorCode(cause) ?? 'an unknown error';
  const meaning = meanings[code];
  return meaning === undefined ? code : `${meaning} (${code})`;
}

/** An error of the file system. It may pass: a full disk, a missing permission, a share that is unavailable. */
export function fileError(action: string, key: string, cause: unknown): TransientError {
  const why =
    cause instanceof NotRegularFileError
      ? `received ${cause.received}; remove it`
      : `but the system said ${systemSaid(cause)}`;
  return new TransientError('file_error', `Expected to ${action} ${JSON.stringify(key)}, ${why}.`, { cause });
}
