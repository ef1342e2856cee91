import { TransientError } from '../pipeline/ports.ts';

/** The code of a file system error: ENOENT, EACCES … */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** True when there is no such file, or one of its folders is a file. */
export function isMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** What a file system refuses, it may allow later: a full disk, a permission, a share that is away. */
export function fileError(action: string, key: string, cause: unknown): TransientError {
  const code = errorCode(cause);
  const why = code === 'ENOSPC' ? 'the disk is full (ENOSPC)' : (code ?? 'an unknown error');
  return new TransientError(
    'file_error',
    `Expected to ${action} ${JSON.stringify(key)}, but the system said: ${why}.`,
    { cause },
  );
}
