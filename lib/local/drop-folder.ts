import { randomUUID } from 'node:crypto';
import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeDirectory } from '../files/make-directory.ts';
import { takeName } from '../files/place-file.ts';
import { openRegularFile } from '../files/regular-file.ts';
import { errorCode, ImageGptError } from '../ports/error.ts';

/** Folder for pictures that were dropped on the report page. */
export const dropFolder = 'dropped';

/** A dropped picture could not be stored. */
class DropError extends ImageGptError {}

/** Most pictures that share a name, told apart by a number. */
const maxSameNames = 10_000;

/**
 * Stores dropped pictures in `dropped/` of a directory. A picture appears only when it is complete, under a safe name that
 * was free. It never replaces a file.
 *
 * @param root real path of the directory
 */
export function openDropFolder(root: string): {
  /** Resolves to the picture's key. Rejects with the error of `body`, or with a {@link DropError}. */
  add(name: string, body: AsyncIterable<Uint8Array>): Promise<string>;
} {
  const folder = join(root, dropFolder);
  return {
    async add(name, body) {
      await makeFolder();
      // Dotfiles are ignored as pictures, so an incomplete file is not read.
      const temporary = join(folder, `.${randomUUID()}.part`);
      try {
        const file = await openRegularFile(temporary, 'create');
        await pipeline(body, file.createWriteStream());
        return `${dropFolder}/${await place(temporary, name)}`;
      } catch (error) {
        throw isFileError(error) ? notKept(error) : error;
      } finally {
        await rm(temporary, { force: true });
      }
    },
  };

  async function makeFolder(): Promise<void> {
    let real: string;
    try {
      await makeDirectory(folder);
      real = await realpath(folder);
    } catch (error) {
      throw notKept(error);
    }
    // Do not write through a link that leads elsewhere.
    if (real !== folder) {
      throw new DropError(
        'drop_folder_elsewhere',
        `Expected ${folder} to be a folder, received a link to ${real}; remove the link.`,
      );
    }
  }

  /** Gives the file a free name. Returns the name. */
  async function place(temporary: string, wanted: string): Promise<string> {
    const { stem, extension } = safeFileName(wanted);
    for (let i = 1; i <= maxSameNames; i += 1) {
      const name = `${stem}${i === 1 ? '' : ` (${i})`}${extension}`;
      if (await takeName(temporary, join(folder, name))) return name;
    }
    throw new DropError(
      'too_many_names',
      `Expected a free name like ${stem}${extension}, but all ${maxSameNames} are taken; rename the picture.`,
    );
  }

  function notKept(cause: unknown): DropError {
    const code = errorCode(cause) ?? 'an unknown error';
    return new DropError('drop_not_kept', `Expected to store the picture in ${folder}, but the system said ${code}.`, {
      cause,
    });
  }
}

/** True for errors of the file system, false for errors of the body. */
function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}

/** Characters that some file systems forbid, or that have a special meaning for some programs. */
const forbidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\\/:*?"<>|%]/gu;

/** Names that Windows reserves for devices, with any extension. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/** Longest stem (bytes of UTF-8). With a number and an extension, the name stays below the usual limit of 255. */
const maxStemBytes = 120;

/** An extension of up to 10 characters. A longer one is part of the stem. */
const extensionPattern = /\.[\p{L}\p{N}]{1,10}$/u;

/** A file name in two parts, so that a number can be inserted between them. */
export interface SafeFileName {
  stem: string;
  /** With its dot; may be empty. */
  extension: string;
}

/**
 * Turns an untrusted name into one that every file system accepts: a single path segment that is not a dotfile. Folders in
 * the name are dropped.
 */
export function safeFileName(name: string): SafeFileName {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  const plain = last
    .normalize('NFC')
    .replace(forbidden, '_')
    .replace(/^[.\s]+|[.\s]+$/gu, '');
  const [extension = ''] = extensionPattern.exec(plain) ?? [];
  const stem = shortened(plain.slice(0, plain.length - extension.length)).trimEnd();
  if (stem === '') return { stem: 'picture', extension };
  return { stem: deviceName.test(stem) ? `_${stem}` : stem, extension };
}

/** Shortens a stem without splitting a character. */
function shortened(stem: string): string {
  let bytes = 0;
  let short = '';
  for (const character of stem) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxStemBytes) break;
    short += character;
  }
  return short;
}
