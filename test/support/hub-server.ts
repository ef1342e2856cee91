import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HubServer extends AsyncDisposable {
  url: string;
  /** Requested ranges, `path start-end`. */
  readonly ranges: readonly string[];
  /** Bytes of a file that are sent before the server waits for {@link HubServer.cut}; each entry works once. */
  breakAfter: Map<string, number>;
  /** Breaks the connection that waits. What was sent must have been read: a broken connection drops the rest. */
  cut(): void;
  /** Replaces the bytes that are sent, but not the listed checksums. */
  sent: Map<string, Buffer>;
  /** HTTP status of every answer from now on. */
  status: number | undefined;
  /** Access token that every request must carry. */
  token: string | undefined;
  /** Answers a request instead of the server; returns false to let the server answer. */
  fault: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Entries of all files, as paths-info lists them. */
  listing(): unknown[];
  /** Replaces the answer of paths-info; gets the requested paths. */
  listed: ((paths: string[]) => unknown[]) | undefined;
}

/**
 * A local server with a small part of Hugging Face's API: one model, `org/model`; files from `lfsFrom` bytes are in
 * LFS.
 */
export async function hubServer(files: ReadonlyMap<string, Buffer>, lfsFrom = 1000): Promise<HubServer> {
  const ranges: string[] = [];
  const breakAfter = new Map<string, number>();
  const sent = new Map<string, Buffer>();
  let waiting: ServerResponse | undefined;

  function info(path: string): unknown {
    const bytes = files.get(path) ?? Buffer.alloc(0);
    const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
    const lfs = { oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length, pointerSize: 134 };
    return { type: 'file', path, size: bytes.length, oid, ...(bytes.length >= lfsFrom && { lfs }) };
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '' } = request;
    if (server.fault?.(request, response)) return;
    if (server.status !== undefined) {
      response.writeHead(server.status).end();
      return;
    }
    if (server.token !== undefined && request.headers.authorization !== `Bearer ${server.token}`) {
      response.writeHead(401).end();
      return;
    }
    if (url === '/api/models/org/model/paths-info/main') {
      const { paths }: { paths: string[] } = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString());
      const list = server.listed?.(paths) ?? paths.filter((path) => files.has(path)).map(info);
      response.setHeader('content-type', 'application/json').end(JSON.stringify(list));
      return;
    }
    const path = url.replace('/org/model/resolve/main/', '');
    const bytes = sent.get(path) ?? files.get(path);
    if (bytes === undefined) {
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
      return;
    }
    const [, first = '0', last] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
    const start = Number(first);
    const end = Math.min(bytes.length, last ? Number(last) + 1 : bytes.length);
    ranges.push(`${path} ${start}-${end}`);
    response.writeHead(request.headers.range === undefined ? 200 : 206, {
      etag: '"x"',
      'content-length': end - start,
      'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
    });
    const limit = breakAfter.get(path);
    if (limit === undefined) {
      response.end(bytes.subarray(start, end));
    } else {
      breakAfter.delete(path);
      response.write(bytes.subarray(start, start + limit));
      waiting = response;
    }
  }

  const http = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const server: HubServer = {
    url: `http://127.0.0.1:${port}`,
    ranges,
    breakAfter,
    sent,
    cut: () => waiting?.socket?.destroy(),
    status: undefined,
    token: undefined,
    fault: undefined,
    listing: () => [...files.keys()].map(info),
    listed: undefined,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}
