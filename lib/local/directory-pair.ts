import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { kindOf } from '../files/regular-file.ts';
import { errorCode, UsageError } from '../ports/error.ts';
import { isMissing } from './error.ts';

/** Input and output directory of a run or job. */
export interface DirectoryPair {
  /** Real path of the pictures. */
  input: string;
  /** Real path of the outcomes. It may not exist yet. */
  output: string;
}

/**
 * Resolves all links of the two directories and checks that neither contains the other. Otherwise outcomes would be
 * taken for pictures, or pictures for outcomes.
 *
 * @throws {UsageError}
 */
export async function checkDirectoryPair(dir: string, out: string): Promise<DirectoryPair> {
  if (out === '') {
    throw new UsageError('--out: expected a directory, received an empty name; omit --out for ./igpt-out');
  }
  const found = await stat(dir).catch((error: unknown) => {
    throw new UsageError(`${dir}: expected a directory of pictures, but ${refusal(error)}`);
  });
  if (!found.isDirectory()) {
    throw new UsageError(
      `${dir}: expected a directory of pictures, received ${kindOf(found)}; igpt classify reads files`,
    );
  }
  const there = await stat(out).catch(() => undefined);
  if (there !== undefined && !there.isDirectory()) {
    throw new UsageError(`--out ${out}: expected a directory, received ${kindOf(there)}; choose another name`);
  }
  const input = await realpath(dir);
  const output = await realpathOfFuture(resolve(out));
  if (contains(input, output)) {
    throw new UsageError(
      `--out ${out} lies inside ${dir}, so outcomes would be taken for pictures; choose a directory elsewhere with --out`,
    );
  }
  if (contains(output, input)) {
    throw new UsageError(
      `${dir} lies inside --out ${out}, so pictures would be taken for outcomes; choose a directory elsewhere with --out`,
    );
  }
  return { input, output };
}

function refusal(error: unknown): string {
  if (isMissing(error)) return 'there is nothing of that name';
  const code = errorCode(error) ?? 'an unknown error';
  return code === 'EACCES'
    ? 'a folder of its path may not be searched (EACCES); allow it, or choose another directory'
    : `the system said ${code}`;
}

/** Real path of a directory that may not exist yet. Resolves links in the part of the path that exists. */
async function realpathOfFuture(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (dirname(path) === path) {
      throw error;
    }
    return join(await realpathOfFuture(dirname(path)), basename(path));
  }
}

function contains(outer: string, inner: string): boolean {
  const path = relative(outer, inner);
  return path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}
