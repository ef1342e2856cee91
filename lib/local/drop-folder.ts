import { randomUUID } from 'node:crypto';
import { constants, createWriteStream } from 'node:fs';
import { copyFile, link, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { errorCode, ImageGptError } from '../ports/error.ts';
import { makeDirectory } from './make-directory.ts';
import { safeFileName } from './safe-file-name.ts';

/** Folder among the pictures for those that were dropped on the page. */
export const dropFolder = 'dropped';

/** A dropped picture could not be kept. */
class DropError extends ImageGptError {}

/** What file systems without hard links answer. */
const noLinks: readonly (string | undefined)[] = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'];

/** Pictures of one name: by then nobody finds theirs. */
const maxSameNames = 10_000;

/**
 * Keeps pictures that a stranger names in `dropped/` of the directory `root` (its real path). Each appears whole, under
 * a safe name that was free: no file is ever replaced.
 */
export function openDropFolder(root: string): {
  /** Resolves to the picture's key; rejects with what `body` throws, or {@link DropError}. */
  add(name: string, body: AsyncIterable<Uint8Array>): Promise<string>;
} {
  const folder = join(root, dropFolder);
  return {
    async add(name, body) {
      await ownFolder();
      // Dotfiles are no pictures: until it is whole, nobody sees it.
      const temporary = join(folder, `.${randomUUID()}.part`);
      try {
        await pipeline(body, createWriteStream(temporary, { flags: 'wx' }));
        return `${dropFolder}/${await place(temporary, name)}`;
      } catch (error) {
        throw isFileError(error) ? notKept(error) : error;
      } finally {
        await rm(temporary, { force: true });
      }
    },
  };

  async function ownFolder(): Promise<void> {
    let real: string;
    try {
      await makeDirectory(folder);
      real = await realpath(folder);
    } catch (error) {
      throw notKept(error);
    }
    // A link to elsewhere: pictures there are not seen, and are not ours to write.
    if (real !== folder) {
      throw new DropError('drop_folder_elsewhere', `Expected ${folder} to be a folder, but it is a link to ${real}.`);
    }
  }

  /** Gives the file a name that nothing has; returns it. */
  async function place(temporary: string, wanted: string): Promise<string> {
    const { stem, extension } = safeFileName(wanted);
    for (let i = 1; i <= maxSameNames; i += 1) {
      const name = `${stem}${i === 1 ? '' : ` (${i})`}${extension}`;
      if (await taken(temporary, join(folder, name))) return name;
    }
    throw new DropError('too_many_names', `Expected a free name like ${stem}${extension}, but all are taken.`);
  }

  function notKept(cause: unknown): DropError {
    const code = errorCode(cause) ?? 'an unknown error';
    return new DropError('drop_not_kept', `Could not keep the picture in ${folder}: the system said ${code}.`, {
      cause,
    });
  }
}

/** Unlike a rename, neither a link nor this copy ever replaces what is there: false when the name is not free. */
async function taken(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path).catch(async (error: unknown) => {
      if (!noLinks.includes(errorCode(error))) throw error;
      await copyFile(temporary, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Of the file system, not of the body. */
function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}
