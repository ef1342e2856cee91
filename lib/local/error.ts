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

/** Errors of `link` on file systems without hard links (FAT, some network shares). */
const withoutHardLinks: readonly (string | undefined)[] = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'];

/** True if `link` failed because the file system has no hard links. */
export function isWithoutHardLinks(error: unknown): boolean {
  return withoutHardLinks.includes(errorCode(error));
}

/** Meanings of the codes of a full storage. */
const meanings: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than ulimit -f or the file system allows',
};

/** An error of the file system. It may pass: a full disk, a missing permission, a share that is unavailable. */
export function fileError(action: string, key: string, cause: unknown): TransientError {
  const code = errorCode(cause) ?? 'an unknown error';
  const meaning = meanings[code];
  return new TransientError(
    'file_error',
    `Expected to ${action} ${JSON.stringify(key)}, but the system said ${meaning === undefined ? code : `${meaning} (${code})`}.`,
    { cause },
  );
}
