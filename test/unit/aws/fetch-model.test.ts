import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchModel } from '../../../lib/aws/fetch-model.ts';
import { processTag } from '../../../lib/files/process-tag.ts';
import { type ModelServer, startModelServer } from '../../support/model-server.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const megabyte = 2 ** 20;
/** 20 MiB that differ at every place. */
const weights = Buffer.from(Uint32Array.from({ length: 5 * megabyte }, (_, i) => Math.imul(i, 2654435761)).buffer);

let server: ModelServer;
let client: S3Client;
let cache: string;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'fetch-model-'));
  const empty = Buffer.alloc(0);
  server = await startModelServer(
    'nano',
    new Map([
      ['config.json', Buffer.from('{}')],
      ['model.safetensors', weights],
      ['empty.json', empty],
    ]),
  );
  client = new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    forcePathStyle: true,
  });
});

afterEach(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
  await rm(cache, { recursive: true });
});

const fetching = (again = false): Promise<string> =>
  fetchModel({ client, clock: createVirtualClock(), location: server.location, cache, weights: true, again });

const ofWeights = (): string[] => server.requests.filter((text) => text.startsWith('model.safetensors'));

describe('fetching a model', () => {
  it('asks for ranges of 8 MiB side by side and puts them together', async () => {
    const directory = await fetching();

    expect(basename(directory)).toBe('nano');
    expect(ofWeights().toSorted()).toEqual([
      'model.safetensors bytes=0-8388607',
      'model.safetensors bytes=16777216-20971519',
      'model.safetensors bytes=8388608-16777215',
    ]);
    expect(server.mostAtOnce()).toBeGreaterThan(1);
    expect((await readFile(join(directory, 'model.safetensors'))).equals(weights)).toBe(true);
    expect((await readFile(join(directory, 'empty.json'))).length).toBe(0);
  });

  it('uses the copy that is there, and replaces it when asked to', async () => {
    const directory = await fetching();
    await writeFile(join(directory, 'config.json'), 'damaged');
    expect(await fetching()).toBe(directory);
    expect(await readFile(join(directory, 'config.json'), 'utf8')).toBe('damaged');

    expect(await fetching(true)).toBe(directory);
    expect(await readFile(join(directory, 'config.json'), 'utf8')).toBe('{}');
  });

  it('goes on where a body breaks off', async () => {
    let broken = false;
    server.fault = (response, { headers }, body) => {
      if (broken || headers.range !== 'bytes=8388608-16777215') return false;
      broken = true;
      response.writeHead(206, { etag: '"a"', 'content-length': body.length });
      response.write(body.subarray(0, megabyte), () => setImmediate(() => response.destroy()));
      return true;
    };
    const directory = await fetching();

    const second = ofWeights().filter((text) => text.endsWith('-16777215'));
    expect(second).toHaveLength(2);
    expect((await readFile(join(directory, 'model.safetensors'))).equals(weights)).toBe(true);
  });

  it.each([
    ['ignores the range', (size: number) => size + megabyte],
    ['holds less than the range', (size: number) => size - 1],
  ])('refuses an answer that %s, after three more tries', async (_, length) => {
    server.fault = (response, { headers }, body) => {
      if (headers.range !== 'bytes=0-8388607') return false;
      response.writeHead(206, { etag: '"a"', 'content-length': length(body.length) });
      response.end(Buffer.alloc(length(body.length)));
      return true;
    };

    await expect(fetching()).rejects.toMatchObject({ code: 'aws_unavailable' });
    expect(ofWeights().filter((text) => text.endsWith('=0-8388607'))).toHaveLength(4);
    expect(await readdir(cache)).toEqual([]);
  });

  it('names bucket and action of a denial, at once', async () => {
    server.fault = (response, { headers }) => {
      if (headers.range !== 'bytes=0-8388607') return false;
      response.writeHead(403, { 'content-type': 'application/xml' }).end('<Error><Code>AccessDenied</Code></Error>');
      return true;
    };

    const denied = { code: 'storage_denied', bucket: 'models', action: 's3:GetObject' };
    await expect(fetching()).rejects.toMatchObject(denied);
    expect(ofWeights().filter((text) => text.endsWith('=0-8388607'))).toHaveLength(1);
    expect(await readdir(cache)).toEqual([]);
  });

  it('fails when an object is replaced meanwhile, and leaves nothing', async () => {
    server.fault = (response, { headers }) => {
      if (headers.range !== 'bytes=16777216-20971519') return false;
      response.writeHead(412, { 'content-type': 'application/xml' });
      response.end('<Error><Code>PreconditionFailed</Code></Error>');
      return true;
    };

    await expect(fetching()).rejects.toMatchObject({ code: 'aws_refused' });
    expect(await readdir(cache)).toEqual([]);
  });

  it('says what is wrong with a folder that cannot be written to', async () => {
    await rm(cache, { recursive: true });
    await writeFile(cache, 'a file');

    await expect(fetching()).rejects.toMatchObject({
      code: 'cache_not_writable',
      message: expect.stringContaining('ENOTDIR'),
    });
  });

  it('removes what a killed process left, even one with the same id, but nothing of a living one', async () => {
    const directory = await fetching();
    const place = basename(join(directory, '..'));
    await rm(join(cache, place), { recursive: true });
    const host = hostname().replace(/[^A-Za-z0-9]/g, '_');
    const left = [`.${place}.${host}-${process.pid}-00000000-1.tmp`, `.${place}.${processTag}-999.tmp`];
    for (const name of left) await mkdir(join(cache, name));
    await fetching();

    expect((await readdir(cache)).toSorted()).toEqual([left[1], place].toSorted());
  });
});
