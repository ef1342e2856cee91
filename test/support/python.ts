import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Path of a Python that has the pinned packages, or why there is none, in words. */
export type PythonEnvironment = { python: string } | { missing: string };

/** Says yes with its version when it can make environments; the pinned torch needs 3.10. */
const PROBE = 'import sys, venv, ensurepip; assert sys.version_info >= (3, 10); print(sys.version)';

/**
 * A virtual environment with the packages of `list`, a file beside this one, made once (about half a minute, and a
 * download) in the user's cache folder and found again by the hash of its contents. What is missing is a reason to
 * skip tests, but an error in CI: there it must be had.
 */
export async function pythonEnvironment(list = 'requirements.txt'): Promise<PythonEnvironment> {
  const found = await environmentOf(list);
  const { CI: ci } = process.env;
  if ('missing' in found && ci === 'true') throw new Error(`Expected Python in CI, but ${found.missing}.`);
  return found;
}

async function environmentOf(list: string): Promise<PythonEnvironment> {
  const found = await run('python3', ['-c', PROBE]).catch(() => undefined);
  if (found === undefined) return { missing: 'Python 3.10 or newer with venv was not found as python3' };

  const requirements = join(import.meta.dirname, list);
  const hash = createHash('sha256')
    .update(found.stdout)
    .update(await readFile(requirements));
  const { XDG_CACHE_HOME: cache = join(homedir(), '.cache') } = process.env;
  const environment = join(cache, 'image-gpt-serverless', `python-${hash.digest('hex').slice(0, 12)}`);
  const python = join(environment, 'bin', 'python');
  if (await exists(python)) return { python };

  // Made beside its place and renamed, so that half an environment is never found.
  const parts = `${environment}.${process.pid}`;
  try {
    await mkdir(dirname(environment), { recursive: true });
    await run('python3', ['-m', 'venv', parts]);
    await run(join(parts, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
    await rename(parts, environment).catch(async (error: unknown) => {
      if (!(await exists(python))) throw error;
    });
    return { python };
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n');
    return { missing: `the Python packages could not be installed: ${lines.at(-1)}` };
  } finally {
    await rm(parts, { recursive: true, force: true });
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
