import { rmSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { nameBeside, removeLeftovers } from '../../files/leftovers.ts';
import { errorCode, ImageGptError } from '../../ports/error.ts';
import { CheckpointError } from '../error.ts';

/** Files of a model directory. A directory with any other file is never replaced. */
const modelFiles =
  /^(config\.json|preprocessor_config\.json|model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json|probe\.safetensors|README\.md)$/;

/**
 * Checks that a model directory can be created: its parent must exist, and the path must be free or replaceable. An
 * empty directory is replaceable, a model directory with `force`, anything else never. First removes the temporary
 * directories that killed processes left beside it.
 *
 * @throws CheckpointError `output_exists`, `output_not_writable`
 */
export async function checkNewDirectory(directory: string, force: boolean): Promise<void> {
  const path = resolve(directory);
  await removeLeftovers(path);
  const parent = await lstat(`${dirname(path)}/.`).catch(() => undefined);
  if (!parent?.isDirectory()) {
    throw new CheckpointError(
      'output_not_writable',
      `The parent folder of ${directory} does not exist; create it, or choose another name.`,
    );
  }
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return;
  if (!there.isDirectory()) {
    const what = there.isSymbolicLink() ? 'a link' : 'a file';
    throw new CheckpointError(
      'output_exists',
      `${directory} is ${what}; expected a new directory. Choose another name.`,
    );
  }
  const names = await readdir(path).catch((cause: unknown) => {
    throw new CheckpointError('output_exists', `${directory} cannot be read; choose another name.`, { cause });
  });
  const foreign = names.find((name) => !modelFiles.test(name));
  if (foreign !== undefined) {
    throw new CheckpointError(
      'output_exists',
      `${directory} holds ${foreign}, which is not a model file; choose another name.`,
    );
  }
  if (names.length > 0 && !force) {
    throw new CheckpointError(
      'output_exists',
      `${directory} already holds a model; add --force to replace it, or choose another name.`,
    );
  }
}

/**
 * Creates a model directory whole or not at all: `fill` writes into a temporary directory beside it, which is then
 * renamed. An old directory is renamed first and removed last, so processes keep the files that they have memory-mapped.
 *
 * @throws CheckpointError as {@link checkNewDirectory}, and what `fill` throws
 */
export async function makeDirectory<T>(
  directory: string,
  force: boolean,
  fill: (temporary: string) => Promise<T>,
): Promise<T> {
  await checkNewDirectory(directory, force);
  const path = resolve(directory);
  const temporary = nameBeside(path, 'tmp');
  await mkdir(temporary).catch((cause: unknown) => {
    throw new CheckpointError(
      'output_not_writable',
      `The parent folder of ${directory} is not writable; choose another place.`,
      { cause },
    );
  });
  removeAtExit(temporary);
  try {
    const result = await fill(temporary);
    await checkNewDirectory(directory, force);
    await replace(temporary, path, nameBeside(path, 'old'));
    return result;
  } catch (error) {
    throw explain(error, directory);
  } finally {
    await rm(temporary, { recursive: true, force: true });
    unfinished.delete(temporary);
  }
}

async function replace(temporary: string, path: string, old: string): Promise<void> {
  const moved = await rename(path, old).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
  try {
    await rename(temporary, path);
  } catch (error) {
    if (moved) await rename(old, path);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}

/**
 * Checks the free disk space, before minutes of writing.
 *
 * @throws CheckpointError `output_not_writable`
 */
export async function refuseFullDisk(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bytes > bavail * bsize) {
    throw new CheckpointError(
      'output_not_writable',
      `The weights take ${bytes} bytes, but the disk has ${bavail * bsize} bytes free; free some space, or choose another place.`,
    );
  }
}

function explain(error: unknown, directory: string): unknown {
  const code = errorCode(error);
  if (error instanceof ImageGptError || code === undefined) return error;
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'its disk is full' : code;
  return new CheckpointError(
    'output_not_writable',
    `${directory} could not be written (${why}), and nothing was left behind. Correct this, or choose another place.`,
    { cause: error },
  );
}

const unfinished = new Set<string>();
let watching = false;

/** Removes the unfinished directory even if the process exits in the middle. */
function removeAtExit(temporary: string): void {
  unfinished.add(temporary);
  if (watching) return;
  watching = true;
  process.once('exit', () => {
    for (const name of unfinished) rmSync(name, { recursive: true, force: true });
  });
}
