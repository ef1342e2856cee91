import { constants } from 'node:fs';
import { copyFile, link, lstat, open, rename, stat } from 'node:fs/promises';
import { errorCode } from '../ports/error.ts';
import { kindOf, NotRegularFileError } from './regular-file.ts';

/** Errors of `link` on file systems without hard links (FAT, some network shares). */
const withoutHardLinks: readonly (string | undefined)[] = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'];

/** True if `link` failed because the file system has no hard links. */
export function isWithoutHardLinks(error: unknown): boolean {
  return withoutHardLinks.includes(errorCode(error));
}

/**
 * Gives a file the name `path` as well; false if the name is taken. Unlike a rename, neither link nor copy replaces a
 * file.
 */
export async function takeName(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path).catch(async (error: unknown) => {
      if (!isWithoutHardLinks(error)) throw error;
      await copyFile(temporary, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Renames a file to `path`, in place of a file or a link that is there. A rename would silently remove a pipe or a
 * device, too.
 *
 * @throws {NotRegularFileError} for a folder, a pipe, a socket or a device; errors of the system
 */
export async function replaceFile(temporary: string, path: string): Promise<void> {
  await refuseSpecialFile(path);
  await rename(temporary, path);
}

/** @throws {NotRegularFileError} if `path` is a folder, a pipe, a socket or a device, and not a link to one */
export async function refuseSpecialFile(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined || there.isFile() || there.isSymbolicLink()) return;
  throw new NotRegularFileError(path, kindOf(there));
}

/** @throws {NotRegularFileError} if `path` is no file and no link to one; ENOENT if it is gone, or a link to nothing */
export async function requireFile(path: string): Promise<void> {
  const there = await stat(path);
  if (!there.isFile()) throw new NotRegularFileError(path, kindOf(there));
}

/** Writes the names of a folder's files to the disk, so that a power cut does not undo a rename. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await folder.sync();
}
