import { type FileHandle, lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import { NotRegularFileError, openRegularFile } from '../files/regular-file.ts';
import { isMissing, systemSaid } from '../local/error.ts';
import { errorCode } from '../ports/error.ts';
import { CheckpointError, type CheckpointErrorCode } from './error.ts';

/**
 * Opens a file of a checkpoint for reading.
 *
 * @returns undefined if nothing has that name
 * @throws CheckpointError with `code` if it is not a regular file, is a broken link, or cannot be opened
 */
export async function openFile(path: string, code: CheckpointErrorCode): Promise<FileHandle | undefined> {
  try {
    return await openRegularFile(path);
  } catch (cause) {
    if (isMissing(cause) && !(await isThere(path))) return undefined;
    throw new CheckpointError(code, `${basename(path)} ${refusal(cause)}.`, { cause });
  }
}

/** Whether there is a file that {@link openFile} opens. Throws as that does. */
export async function hasFile(path: string, code: CheckpointErrorCode): Promise<boolean> {
  await using file = await openFile(path, code);
  return file !== undefined;
}

function refusal(cause: unknown): string {
  if (isMissing(cause)) return 'is a link to a missing file';
  if (cause instanceof NotRegularFileError) {
    return `is not a regular file but ${cause.received}; expected one, or a link to one`;
  }
  const denied = ['EACCES', 'EPERM'].includes(errorCode(cause) ?? '');
  return denied ? 'cannot be read; check its permissions' : `cannot be read: the system said ${systemSaid(cause)}`;
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
