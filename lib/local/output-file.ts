import { rmSync } from 'node:fs';
import { constants, copyFile, type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { errorCode, ImageGptError, UsageError } from '../ports/error.ts';
import { statPath } from './stat-path.ts';

/** A file that appears under its name only when it is complete. */
export interface OutputFile extends AsyncDisposable {
  readonly path: string;
  write(bytes: Uint8Array): Promise<void>;
  /** Gives the file its name; fails with `output_exists` when something took the name meanwhile and `force` is off. */
  commit(): Promise<void>;
  /** Ends without a file; does nothing after `commit`. */
  discard(): Promise<void>;
}

/**
 * Refuses, before any work, an output whose folder is missing, whose name is taken (unless `force`), or whose
 * extension is not one of `extensions` (with dot, lower case). Returns the extension.
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
    throw new UsageError(`${flag} ${path}: its folder does not exist; make it first, or choose another name`);
  }
  const there = statPath(path, `${flag} ${path}`);
  if (there !== undefined && !there.isFile()) {
    throw new UsageError(`${flag} ${path} is not a file that could be replaced; choose another name`);
  }
  if (there !== undefined && !force) {
    throw new UsageError(`${flag} ${path} exists already; add --force to replace it, or choose another name`);
  }
  return extension;
}

const unfinished = new Set<string>();

/** Opens a temporary file beside `path`, on the same disk, so that the last step is a rename. */
export async function openOutputFile(path: string, force: boolean): Promise<OutputFile> {
  const temporary = join(dirname(path), `.${basename(path).slice(0, 200)}.${process.pid}.tmp`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx');
  } catch (error) {
    throw cannotWrite(path, error);
  }
  if (unfinished.size === 0) {
    // Whatever ends the process, a half-written file does not stay behind.
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
          `could not write ${path} (${errorCode(error) ?? error}); nothing was left behind`,
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

/** Writes a whole file at once. */
export async function writeOutputFile(path: string, force: boolean, bytes: Uint8Array): Promise<void> {
  await using file = await openOutputFile(path, force);
  await file.write(bytes);
  await file.commit();
}

/** Why there is no file at `path`, and never was. */
export function cannotWrite(path: string, cause: unknown): ImageGptError {
  return new ImageGptError(
    'output_not_writable',
    `could not write ${path} (${errorCode(cause) ?? cause}); choose another place`,
    {
      cause,
    },
  );
}

/** What file systems without hard links (FAT, some network shares) answer. */
const noLinks: readonly (string | undefined)[] = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'];

/** Unlike a rename, a link never replaces what is there. */
async function linkOrRefuse(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      throw new ImageGptError(
        'output_exists',
        `${path} appeared while this command ran; it was left as it is: add --force to replace it`,
        { cause: error },
      );
    }
    if (noLinks.includes(errorCode(error))) {
      await copyFile(temporary, path, constants.COPYFILE_EXCL);
      return;
    }
    throw error;
  }
}
