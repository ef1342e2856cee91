import { rmSync } from 'node:fs';
import { type FileHandle, rm } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { nameBeside } from '../files/leftovers.ts';
import { replaceFile, takeName } from '../files/place-file.ts';
import { kindOf, openRegularFile } from '../files/regular-file.ts';
import { errorCode, ImageGptError, UsageError } from '../ports/error.ts';
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
    throw new UsageError(`${flag} ${path}: expected a file, received ${kindOf(existing)}; choose another name`);
  }
  if (existing !== undefined && !force) {
    throw new UsageError(`${flag} ${path}: this file exists; add --force to replace it, or choose another name`);
  }
  return extension;
}

const unfinished = new Set<string>();

/** Opens a temporary file beside `path`. It is on the same disk, so the last step is a rename. */
export async function openOutputFile(path: string, force: boolean): Promise<OutputFile> {
  const temporary = nameBeside(path, 'tmp');
  let handle: FileHandle | undefined;
  try {
    handle = await openRegularFile(temporary, 'create');
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
          await replaceFile(temporary, path);
        } else {
          if (!(await takeName(temporary, path))) throw takenMeanwhile(path);
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

function takenMeanwhile(path: string): ImageGptError {
  return new ImageGptError(
    'output_exists',
    `${path} was created while this command ran, and was not replaced; add --force to replace it`,
  );
}
