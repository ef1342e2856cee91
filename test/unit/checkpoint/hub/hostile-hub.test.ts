import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { downloadModel } from '../../../../lib/checkpoint/hub/hub-download.ts';
import { sendEndlessly } from '../../../support/endless-body.ts';

const config = Buffer.from('{"model_type":"imagegpt"}');
const weights = Buffer.alloc(100_000, 'weights');
const files: Readonly<Record<string, Buffer>> = { 'config.json': config, 'model.safetensors': weights };

type Entry = Record<string, unknown>;

/** What a sound hub lists. */
function listing() {
  return Object.entries(files).map(([path, bytes]) => ({
    type: 'file',
    path,
    size: bytes.length,
    oid: createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'),
  }));
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** Writes `chunk` again and again, as fast as it is read. */
function endless(chunk: string, status = 200, headers: Record<string, string> = {}): Answer {
  return (response) => sendEndlessly(response.writeHead(status, headers), Buffer.from(chunk));
}

const send =
  (body: string | Buffer, status = 200, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(body);

const list = (change: (entries: ReturnType<typeof listing>) => unknown): Answer =>
  send(JSON.stringify(change(listing())));
const each = (fields: Entry) => list((entries) => entries.map((entry) => ({ ...entry, ...fields })));
const dripping: Answer = (response) => {
  response.write(' ');
  const timer = setInterval(() => response.write(' '), 5);
  response.on('close', () => clearInterval(timer));
};
const silent: Answer = () => {};

let root: string;
let directory: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hostile-hub-'));
});
beforeEach(() => {
  directory = join(root, crypto.randomUUID());
});
afterAll(() => rm(root, { recursive: true }));

interface Hub extends AsyncDisposable {
  url: string;
  requests: IncomingMessage[];
}

/** A hub whose listing or whose weights have a fault. */
async function hubWith({ listed = list((all) => all), sent }: { listed?: Answer; sent?: Answer }): Promise<Hub> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const name = request.url?.split('/').at(-1) ?? '';
    if (request.method === 'POST') listed(response, request);
    else if (name === 'model.safetensors' && sent !== undefined) sent(response, request);
    else send(files[name] ?? '')(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const model = { repo: 'org/model', revision: 'main' };

async function refusal(hub: Hub, timeoutMs?: number): Promise<string> {
  const error = await downloadModel(model, { directory, hubUrl: hub.url, pauseMs: 1, timeoutMs }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'CheckpointError', code: 'download_failed' });
  const { message } = error as Error;
  expect(message).not.toMatch(/[\n\r]/);
  return message;
}

describe('a listing of the hub is refused', () => {
  it.each<[string, Answer, RegExp]>([
    ['that never ends', endless(' '.repeat(65_536)), /answer has more than 10000000 bytes/],
    ['that is one endless string', endless('"'.padEnd(65_536, 'a')), /answer has more than 10000000 bytes/],
    ['of brackets', send('['.repeat(1_000_000)), /answer has more than 64 levels/],
    ['of a million values', send(`[${'0,'.repeat(1_000_000)}0]`), /answer has more than 400000 values/],
    ['that is a page', send('<html>'), /answer is not JSON/],
    ['that is empty', send(''), /answer is not JSON/],
    ['without a body', send('', 204), /status 204/],
    ['that is an object', send('{}'), /as expected: [^:]*: expected array/],
    ['of null', send('[null]'), /expected object/],
    ['of numbers', send('[1,2]'), /expected object/],
    ['whose paths are numbers', each({ path: 7 }), /0\.path/],
    ['behind an endless error', endless('x'.repeat(65_536), 500, { 'content-type': 'text/plain' }), /status 500/],
    ['behind an endless JSON error', endless(' ', 500, { 'content-type': 'application/json' }), /status 500/],
    ['that is private, with an endless body', endless('x'.repeat(65_536), 401), /private \(status 401\)/],
    ['behind a loop of redirects', send('', 307, { location: '/api/models/org/model/paths-info/main' }), /redirect/],
    ['behind a redirect to a file', send('', 302, { location: 'file:///etc/passwd' }), /scheme/],
    ['whose oid is a number', each({ oid: 5 }), /listing of config.json is not as expected: oid/],
    ['without oid', each({ oid: undefined }), /listing of config.json .*oid/],
    ['whose oid leads to another folder', each({ oid: 'a/../../x'.padEnd(40, '0') }), /listing of config.json .*oid/],
    ['whose oid holds a NUL', each({ oid: '\0'.padEnd(40, 'a') }), /listing of config.json .*oid/],
    ['whose lfs is a string', each({ lfs: 'x' }), /listing of config.json .*lfs/],
    ['whose lfs has an object as oid', each({ lfs: { oid: { a: 1 }, size: 5 } }), /listing of config.json .*lfs\.oid/],
    ['with two sizes', each({ lfs: { oid: 'a'.repeat(64), size: 5 } }), /two sizes for config.json/],
    ['with a negative size', each({ size: -1 }), /listing of config.json .*size/],
    ['with a size as text', each({ size: '12' }), /listing of config.json .*size/],
    ['with half a byte', each({ size: 1.5 }), /listing of config.json .*size/],
    ['with a config.json of 2^52 bytes', each({ size: 2 ** 52 }), /4503599627370496 bytes for config.json/],
    ['of folders', each({ type: 'directory' }), /^org\/model has no weights on the hub/],
    [
      'of other files',
      list(() => [{ type: 'file', path: '../x', size: 1, oid: 'x' }]),
      /^org\/model has no weights on the hub/,
    ],
  ])('%s', async (_, listed, message) => {
    await using hub = await hubWith({ listed });

    expect(await refusal(hub)).toMatch(message);
    expect(hub.requests.filter(({ method }) => method === 'GET')).toEqual([]);
    await expect(readdir(directory)).rejects.toThrow('ENOENT');
  });

  it.each([
    ['does not come', silent],
    ['comes byte by byte', dripping],
  ])('that %s', async (_, listed) => {
    await using hub = await hubWith({ listed });

    expect(await refusal(hub, 100)).toMatch(/too slow: over 0.1 s/);
  });
});

describe('a file of the hub is refused', () => {
  it.each<[string, Answer, RegExp]>([
    ['that never ends', endless('z'.repeat(65_536)), /sent more than the 100000 bytes/],
    ['that is longer than listed', send(Buffer.alloc(100_001)), /sent more than the 100000 bytes/],
    ['that is shorter than listed', send(Buffer.alloc(99_999)), /after 99999 of 100000 bytes/],
    ['with other bytes', send(Buffer.alloc(100_000)), /arrived damaged/],
    [
      'that unfolds to 50 MB',
      send(gzipSync(Buffer.alloc(50_000_000)), 200, { 'content-encoding': 'gzip' }),
      /sent more/,
    ],
    ['that is empty', send(''), /after 0 of 100000 bytes/],
    ['without a body', send('', 204), /status 204/],
    ['with another range', send(weights, 206, { 'content-range': 'bytes 5-9/100000' }), /another range/],
    ['with a range that is none', send(weights, 206), /another range/],
    ['behind an endless error', endless('x'.repeat(65_536), 500), /status 500/],
    ['that is gone', send('', 404), /status 404/],
    ['behind a redirect to a file', send('', 302, { location: 'file:///etc/passwd' }), /scheme/],
    ['with a wrong length', send('short', 200, { 'content-length': '100000', connection: 'close' }), /closed|UND_ERR/],
    ['that breaks off', (response) => response.socket?.destroy(), /closed|UND_ERR|ECONNRESET/],
  ])('%s', async (_, sent, message) => {
    await using hub = await hubWith({ sent });

    expect(await refusal(hub)).toMatch(message);
    expect(await readdir(directory)).not.toContain('model.safetensors');
  });

  it.each([
    ['does not come', silent],
    ['comes byte by byte', dripping],
  ])('that %s', async (_, sent) => {
    await using hub = await hubWith({ sent });

    expect(await refusal(hub, 300)).toMatch(/too slow: over 0.3 s/);
  });
});

describe('a download is right', () => {
  async function downloaded(hub: Hub, accessToken?: string): Promise<Buffer> {
    await downloadModel(model, { directory, hubUrl: hub.url, accessToken, pauseMs: 1 });
    return readFile(join(directory, 'model.safetensors'));
  }

  it('if the listing names each file a thousand times', async () => {
    await using hub = await hubWith({ listed: list((all) => Array.from({ length: 1000 }, () => all).flat()) });

    expect(await downloaded(hub)).toEqual(weights);
    expect(hub.requests.length).toBe(3);
  });

  it('if the server ignores the range of a resumed download', async () => {
    await using hub = await hubWith({});
    const oid = listing()[1]?.oid.slice(0, 12);
    await mkdir(directory);
    await writeFile(join(directory, `model.safetensors.${oid}.part`), weights.subarray(0, 500));

    expect(await downloaded(hub)).toEqual(weights);
    expect(hub.requests.at(-1)?.headers.range).toBe('bytes=500-');
  });

  it('behind a redirect to another host, which does not get the token', async () => {
    await using other = await hubWith({});
    await using hub = await hubWith({ sent: send('', 302, { location: `${other.url}/cdn/model.safetensors` }) });

    expect(await downloaded(hub, 'hf_mine')).toEqual(weights);
    expect(hub.requests.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('Bearer hf_mine'));
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});
