import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { errorCode, UsageError } from '../ports/error.ts';
import { isMissing } from './error.ts';

export interface RunDirectories {
  /** Real path of the pictures. */
  input: string;
  /** Real path of the outcomes; it may not exist yet. */
  output: string;
}

/**
 * Checks the two directories of a run. Neither may lie in the other, whatever links lead there: outcomes among the
 * pictures would be read as pictures, and pictures among the outcomes could be taken for them.
 */
export async function runDirectories(dir: string, out: string): Promise<RunDirectories> {
  if (out === '') {
    throw new UsageError('--out: expected a directory, got an empty name; leave it out for ./igpt-out');
  }
  const found = await stat(dir).catch((error: unknown) => {
    throw new UsageError(`${dir}: expected a directory of pictures, but ${refusal(error)}`);
  });
  if (!found.isDirectory()) {
    throw new UsageError(`${dir}: expected a directory of pictures, but it is a file; igpt classify reads files`);
  }
  const there = await stat(out).catch(() => undefined);
  if (there !== undefined && !there.isDirectory()) {
    throw new UsageError(`--out ${out}: expected a directory, but it is a file; choose another name`);
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
      `${dir} lies inside --out ${out}, so pictures would lie among outcomes; choose a directory elsewhere with --out`,
    );
  }
  return { input, output };
}

function refusal(error: unknown): string {
  if (isMissing(error)) return 'there is nothing of that name';
  const code = errorCode(error) ?? 'an unknown error';
  return code === 'EACCES'
    ? 'a folder on the way there may not be searched (EACCES); allow it, or choose another'
    : `the system said ${code}`;
}

/** Real path of what may not exist yet: links are followed as far as the path exists. */
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
