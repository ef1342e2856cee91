import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A small part of S3: the bucket `models` with a checkpoint under `mine/<name>/`. Objects of other buckets exist. */
export interface ModelServer extends AsyncDisposable {
  endpoint: string;
  /** `s3://` place of the checkpoint. */
  location: string;
  /** Objects of the checkpoint by file name. */
  files: Map<string, Buffer>;
  /** Requested files with their ranges: `model.safetensors bytes=0-99`. */
  readonly requests: readonly string[];
  /** Most requests of files that were answered at the same time. */
  mostAtOnce(): number;
  /** Answers a request of a file instead of the server; returns false to let the server answer. */
  fault: ((response: ServerResponse, request: IncomingMessage, body: Buffer) => boolean) | undefined;
}

const etagOf = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;
const facts = { 'last-modified': new Date(0).toUTCString(), etag: '"0123456789abcdef0123456789abcdef"' };

export async function startModelServer(name: string, files: ReadonlyMap<string, Buffer>): Promise<ModelServer> {
  const requests: string[] = [];
  const path = `/models/mine/${name}/`;
  const etags = new WeakMap<Buffer, string>();
  let now = 0;
  let most = 0;

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', 'http://localhost');
    if (url.searchParams.has('list-type')) {
      response.setHeader('content-type', 'application/xml').end(listing());
    } else if (url.pathname.startsWith(path)) {
      now += 1;
      most = Math.max(most, now);
      response.once('close', () => {
        now -= 1;
      });
      answerFile(url.pathname.slice(path.length), request, response);
    } else {
      response.writeHead(200, { ...facts, 'content-length': request.method === 'HEAD' ? 1 : 0 }).end();
    }
  }

  function answerFile(file: string, request: IncomingMessage, response: ServerResponse): void {
    const { range = '', 'if-match': ifMatch } = request.headers;
    const body = server.files.get(file) ?? Buffer.alloc(0);
    const [, start = '0', end = String(body.length - 1)] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    const part = body.subarray(Number(start), Number(end) + 1);
    requests.push(`${file} ${range}`.trim());
    if (server.fault?.(response, request, part)) return;
    if (ifMatch !== etag(body)) {
      response.writeHead(412).end();
      return;
    }
    response.writeHead(range === '' ? 200 : 206, { ...facts, etag: etag(body), 'content-length': part.length });
    response.end(part);
  }

  function etag(body: Buffer): string {
    const known = etags.get(body) ?? etagOf(body);
    etags.set(body, known);
    return known;
  }

  function listing(): string {
    const entries = [...server.files].map(
      ([file, body]) =>
        `<Contents><Key>mine/${name}/${file}</Key><LastModified>2026-11-24T12:00:00Z</LastModified><ETag>${etag(body).replaceAll('"', '&quot;')}</ETag><Size>${body.length}</Size></Contents>`,
    );
    return `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListBucketResult>`;
  }

  const http = createServer((request, response) => {
    request.resume();
    request.once('end', () => answer(request, response));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const server: ModelServer = {
    endpoint: `http://127.0.0.1:${port}`,
    location: `s3://models/mine/${name}`,
    files: new Map(files),
    requests,
    mostAtOnce: () => most,
    fault: undefined,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}
