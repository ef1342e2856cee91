import { errorCode, ImageGptError, TransientError } from '../ports/error.ts';

/** A key that no file in a directory may stand for. */
export class KeyError extends ImageGptError {
  constructor(key: string, expected: string) {
    super('invalid_key', `Expected a key ${expected}, received ${JSON.stringify(key)}.`);
  }
}

/** The directory cannot be an output. */
export class OutputDirectoryError extends ImageGptError {}

/** True when there is no such file, or one of its folders is a file. */
export function isMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** What the codes of a storage that is full mean. */
const meanings: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than ulimit -f or the file system allows',
};

/** What a file system refuses, it may allow later: a full disk, a permission, a share that is away. */
export function fileError(action: string, key: string, cause: unknown): TransientError {
  const code = errorCode(cause) ?? 'an unknown error';
  const meaning = meanings[code];
  return new TransientError(
    'file_error',
    `Expected to ${action} ${JSON.stringify(key)}, but the system said: ${meaning === undefined ? code : `${meaning} (${code})`}.`,
    { cause },
  );
}
