import type { Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isMissing } from '../local/error.ts';
import { CheckpointError, type CheckpointErrorCode } from './error.ts';

/**
 * Checks a file of a checkpoint before it is opened: opening a pipe would wait for a writer.
 *
 * @returns undefined if nothing has that name
 * @throws CheckpointError with `code` if it is not a regular file, is a broken link, or is not accessible
 */
export async function statFile(path: string, code: CheckpointErrorCode): Promise<Stats | undefined> {
  const file = basename(path);
  try {
    const stats = await stat(path);
    if (stats.isFile()) {
      return stats;
    }
  } catch (cause) {
    if (!isMissing(cause)) {
      throw new CheckpointError(code, `${file} cannot be read; check its permissions.`, { cause });
    }
    if (await isThere(path)) {
      throw new CheckpointError(code, `${file} is a link to a missing file.`, { cause });
    }
    return undefined;
  }
  throw new CheckpointError(code, `${file} is not a regular file; expected one, or a link to one.`);
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
