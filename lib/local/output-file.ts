import { rmSync } from 'node:fs';
import { constants, copyFile, type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { errorCode, ImageGptError, UsageError } from '../ports/error.ts';
import { isWithoutHardLinks } from './error.ts';
import { statPath } from './stat-path.ts';

/** A file that gets its name only when it is complete. */
export interface OutputFile extends AsyncDisposable {
  readonly path: string;
  write(bytes: Uint8Array): Promise<void>;
  /** Gives the file its name. Fails with `output_exists` if the name was taken meanwhile and `force` is off. */
  commit(): Promise<void>;
  /** Removes the incomplete file. Does nothing after `commit`. */
  discard(): Promise<void>;
}

/**
 * Checks the name of an output before any work begins. Its folder must exist, its name must be free (unless `force`), and
 * it must have one of `extensions` (with dot, in lower case).
 *
 * @returns the extension
 * @throws {UsageError}
 */
export function checkOutputPath<E extends string>(
  flag: string,
  path: string,
  extensions: readonly E[],
  force: boolean,
): E {
  const extension = extensions.find((candidate) => candidate === extname(path).toLowerCase());
  if (extension === undefined) {
    throw new UsageError(`${flag} ${path}: expected a name that ends in ${extensions.join(' or ')}`);
  }
  if (statPath(dirname(resolve(path)), `${flag} ${path}`)?.isDirectory() !== true) {
    throw new UsageError(
      `${flag} ${path}: expected an existing folder, received one that does not exist; create it, or choose another name`,
    );
  }
  const existing = statPath(path, `${flag} ${path}`);
  if (existing !== undefined && !existing.isFile()) {
    throw new UsageError(`${flag} ${path}: expected a file, received a folder or a device; choose another name`);
  }
  if (existing !== undefined && !force) {
    throw new UsageError(`${flag} ${path}: this file exists; add --force to replace it, or choose another name`);
  }
  return extension;
}

const unfinished = new Set<string>();

/** Opens a temporary file beside `path`. It is on the same disk, so the last step is a rename. */
export async function openOutputFile(path: string, force: boolean): Promise<OutputFile> {
  const temporary = join(dirname(path), `.${basename(path).slice(0, 200)}.${process.pid}.tmp`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx');
  } catch (error) {
    throw cannotWrite(path, error);
  }
  if (unfinished.size === 0) {
    // Removes incomplete files when the process exits early.
    process.once('exit', () => {
      for (const name of unfinished) {
        rmSync(name, { force: true });
      }
    });
  }
  unfinished.add(temporary);

  return {
    path,
    async write(bytes) {
      try {
        await handle?.writeFile(bytes);
      } catch (error) {
        throw new ImageGptError(
          'output_not_writable',
          `could not write ${path} (${errorCode(error) ?? error}); the incomplete file was removed`,
          { cause: error },
        );
      }
    },
    async commit() {
      try {
        await handle?.sync();
        await handle?.close();
        handle = undefined;
        if (force) {
          await rename(temporary, path);
        } else {
          await linkOrRefuse(temporary, path);
          await rm(temporary);
        }
        unfinished.delete(temporary);
      } catch (error) {
        throw error instanceof ImageGptError
          ? error
          : new ImageGptError(
              'output_not_writable',
              `could not finish ${path} (${errorCode(error) ?? error}); make room there, or choose another place`,
              { cause: error },
            );
      }
    },
    discard,
    [Symbol.asyncDispose]: discard,
  };

  async function discard(): Promise<void> {
    await handle?.close();
    handle = undefined;
    if (unfinished.delete(temporary)) {
      await rm(temporary, { force: true });
    }
  }
}

/** Writes a complete file. */
export async function writeOutputFile(path: string, force: boolean, bytes: Uint8Array): Promise<void> {
  await using file = await openOutputFile(path, force);
  await file.write(bytes);
  await file.commit();
}

/** The error for a file that could not be created. */
export function cannotWrite(path: string, cause: unknown): ImageGptError {
  return new ImageGptError(
    'output_not_writable',
    `could not write ${path} (${errorCode(cause) ?? cause}); choose another place`,
    {
      cause,
    },
  );
}

/** Gives the file its name. Unlike a rename, neither link nor copy replaces a file. */
async function linkOrRefuse(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      throw new ImageGptError(
        'output_exists',
        `${path} was created while this command ran, and was not replaced; add --force to replace it`,
        { cause: error },
      );
    }
    if (isWithoutHardLinks(error)) {
      await copyFile(temporary, path, constants.COPYFILE_EXCL);
      return;
    }
    throw error;
  }
}
