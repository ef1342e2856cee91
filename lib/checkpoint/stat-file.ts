import type { Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { CheckpointError, type CheckpointErrorCode } from './error.ts';

/**
 * Looks at a file of a checkpoint before it is opened: opening a pipe would wait for whoever writes to it.
 *
 * @returns undefined when there is nothing of that name
 * @throws CheckpointError with `code` for what is no regular file, a link to nothing, or what may not be looked at
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
      throw new CheckpointError(code, `${file} cannot be read.`, { cause });
    }
    if (await isThere(path)) {
      throw new CheckpointError(code, `${file} is a link to a file that is not there.`, { cause });
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

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
