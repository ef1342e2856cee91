import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Path of a Python with the pinned packages, or the reason why there is none. */
export type PythonEnvironment = { python: string } | { missing: string };

/** Prints its version if it can make environments. The pinned torch needs Python 3.10. */
const probe = 'import sys, venv, ensurepip; assert sys.version_info >= (3, 10); print(sys.version)';

/**
 * A virtual environment with the packages of `list`, a file beside this one. It is made once (about half a minute and a
 * download) in the user's cache folder, under a hash of Python's version and the list. If it cannot be made, tests are
 * skipped.
 *
 * @throws Error in CI, where it must be there
 */
export async function pythonEnvironment(list = 'requirements.txt'): Promise<PythonEnvironment> {
  const found = await environmentOf(list);
  const { CI: ci } = process.env;
  if ('missing' in found && ci === 'true') throw new Error(`Expected Python with ${list} in CI, but ${found.missing}.`);
  return found;
}

async function environmentOf(list: string): Promise<PythonEnvironment> {
  const found = await run('python3', ['-c', probe]).catch(() => undefined);
  if (found === undefined) return { missing: 'Python 3.10 or newer with venv was not found as python3' };

  const requirements = join(import.meta.dirname, list);
  const hash = createHash('sha256')
    .update(found.stdout)
    .update(await readFile(requirements));
  const { XDG_CACHE_HOME: cache = join(homedir(), '.cache') } = process.env;
  const environment = join(cache, 'image-gpt-serverless', `python-${hash.digest('hex').slice(0, 12)}`);
  const python = join(environment, 'bin', 'python');
  if (existsSync(python)) return { python };

  // Made under another name and renamed when complete.
  const partial = `${environment}.${process.pid}`;
  try {
    await mkdir(dirname(environment), { recursive: true });
    await run('python3', ['-m', 'venv', partial]);
    await run(join(partial, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
    await rename(partial, environment).catch(async (error: unknown) => {
      if (!existsSync(python)) throw error;
    });
    return { python };
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n');
    return { missing: `the Python packages could not be installed: ${lines.at(-1)}` };
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
