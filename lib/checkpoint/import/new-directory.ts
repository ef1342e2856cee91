import { rmSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { nameBeside, removeLeftovers } from '../../local/leftovers.ts';
import { ImageGptError } from '../../ports/error.ts';
import { CheckpointError } from '../error.ts';

/** What a model directory holds; another file in it means that it is more than a model. */
const ours =
  /^(config\.json|preprocessor_config\.json|model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json|probe\.safetensors|README\.md)$/;

/**
 * Refuses a place where no model directory can be made: its parent is missing, or something stands there that may not
 * be replaced. An empty directory may; a model directory with `force`; anything else, never. What killed processes left
 * of the same directory goes first.
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
      `The folder of ${directory} does not exist; make it first, or choose another name.`,
    );
  }
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return;
  if (!there.isDirectory()) {
    const what = there.isSymbolicLink() ? 'a link' : 'a file';
    throw new CheckpointError(
      'output_exists',
      `${directory} is ${what}; expected a new directory: choose another name.`,
    );
  }
  const names = await readdir(path).catch((cause: unknown) => {
    throw new CheckpointError('output_exists', `${directory} cannot be read; choose another name.`, { cause });
  });
  const foreign = names.find((name) => !ours.test(name));
  if (foreign !== undefined) {
    throw new CheckpointError(
      'output_exists',
      `${directory} holds ${foreign}, which is no part of a model; choose another name.`,
    );
  }
  if (names.length > 0 && !force) {
    throw new CheckpointError(
      'output_exists',
      `${directory} holds a model already; add --force to replace it, or choose another name.`,
    );
  }
}

const unfinished = new Set<string>();

/**
 * Makes a model directory whole or not at all: `fill` writes into a new one beside it, which then takes the name. What
 * was there (see {@link checkNewDirectory}) is moved away first and removed last; who has its files mapped keeps them.
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
      `Nothing can be written beside ${directory}; choose another place.`,
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
      if (codeOf(error) === 'ENOENT') return false;
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
 * Says at once what would fail after minutes of writing.
 *
 * @throws CheckpointError `output_not_writable`
 */
export async function refuseFullDisk(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bytes > bavail * bsize) {
    throw new CheckpointError(
      'output_not_writable',
      `The weights take ${bytes} bytes, but the disk has ${bavail * bsize} left; make room, or choose another place.`,
    );
  }
}

function explain(error: unknown, directory: string): unknown {
  const code = codeOf(error);
  if (error instanceof ImageGptError || typeof code !== 'string') return error;
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'its disk is full' : code;
  return new CheckpointError(
    'output_not_writable',
    `${directory} could not be written (${why}); nothing was left behind. Make room there, or choose another place.`,
    { cause: error },
  );
}

let watching = false;

/** Whatever ends the process, a half-written directory does not stay behind. */
function removeAtExit(temporary: string): void {
  unfinished.add(temporary);
  if (watching) return;
  watching = true;
  process.once('exit', () => {
    for (const name of unfinished) rmSync(name, { recursive: true, force: true });
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
