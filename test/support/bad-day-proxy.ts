import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { maxKeyBytes } from '../../lib/contracts/limits.ts';
import { seededRandom } from './seeded-random.ts';

/** What goes wrong with a request. */
type Mishap =
  | 'slow_down'
  | 'internal_error'
  | 'reset_before'
  | 'reset_after'
  | 'conflict'
  | 'denied'
  | 'delay'
  /** No answer at all, until the client times out. */
  | 'hang';

/** Most hangs of a proxy: each costs the client its timeout of 30 s. */
const maxHangs = 2;

export interface BadDayProxy extends AsyncDisposable {
  endpoint: string;
  /** Share of the requests that fail or are delayed. */
  share: number;
  /** How often each mishap has happened. */
  mishaps: Record<Mishap, number>;
}

/**
 * A proxy in front of an emulator that treats a share of the requests as AWS does on bad days: it throttles, fails,
 * closes connections before and after the work is done, answers late or never, rejects conditional writes with a
 * conflict, and answers 403 instead of 404. It always refuses keys that are too long, as S3 does but moto does not.
 */
export async function startBadDayProxy(target: string, share: number, seed: number): Promise<BadDayProxy> {
  const random = seededRandom(seed);
  const { hostname, port } = new URL(target);
  const mishaps: BadDayProxy['mishaps'] = {
    slow_down: 0,
    internal_error: 0,
    reset_before: 0,
    reset_after: 0,
    conflict: 0,
    denied: 0,
    delay: 0,
    hang: 0,
  };

  function mishapOf(from: IncomingMessage): Mishap | undefined {
    if (random() >= proxy.share) return undefined;
    const conditional = from.headers['if-match'] ?? from.headers['if-none-match'];
    const kinds: Mishap[] = ['slow_down', 'internal_error', 'reset_before', 'reset_after', 'delay'];
    if (isS3(from) && from.method === 'PUT' && conditional !== undefined) kinds.push('conflict', 'conflict');
    if (isS3(from) && ['GET', 'HEAD'].includes(from.method ?? '')) kinds.push('denied', 'denied');
    if (mishaps.hang < maxHangs) kinds.push('hang');
    const kind = kinds[Math.floor(random() * kinds.length)];
    if (kind !== undefined) mishaps[kind] += 1;
    return kind;
  }

  const server = createServer(async (from, to) => {
    const mishap = mishapOf(from);
    const chunks: Buffer[] = [];
    for await (const chunk of from) chunks.push(chunk);
    if (mishap === 'hang') return;
    if (isS3(from) && keyBytes(from) > maxKeyBytes) return fail(from, to, 400, 'KeyTooLongError');
    if (mishap === 'reset_before') return from.socket.destroy();
    if (mishap === 'slow_down') return fail(from, to, 503, 'SlowDown');
    if (mishap === 'internal_error') return fail(from, to, 500, 'InternalError');
    if (mishap === 'conflict') return fail(from, to, 409, 'ConditionalRequestConflict');
    if (mishap === 'delay') await new Promise((resolve) => setTimeout(resolve, 500 * random()));
    const { method, url, headers } = from;
    const forward = request({ hostname, port, method, path: url, headers }, (answer) => {
      if (mishap === 'reset_after') return void from.socket.destroy();
      if (mishap === 'denied' && answer.statusCode === 404) return fail(from, to, 403, 'AccessDenied');
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    forward.on('error', () => from.socket.destroy());
    from.socket.on('close', () => forward.destroy());
    forward.end(Buffer.concat(chunks));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const address = server.address() as AddressInfo;
  const proxy: BadDayProxy = {
    endpoint: `http://localhost:${address.port}`,
    share,
    mishaps,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** Length of the key in `/bucket/key` (bytes). */
function keyBytes({ url = '' }: IncomingMessage): number {
  const { pathname } = new URL(url, 'http://localhost');
  return Buffer.byteLength(decodeURIComponent(pathname.slice(1).split('/').slice(1).join('/')));
}

function isS3({ headers }: IncomingMessage): boolean {
  return /\/s3\/aws4_request/.test(headers.authorization ?? '');
}

/** Answers with an error in the format of the called service. */
function fail(from: IncomingMessage, to: ServerResponse, status: number, code: string): void {
  if (from.headers['content-type']?.startsWith('application/x-amz-json')) {
    to.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    to.end(JSON.stringify({ __type: `com.amazonaws#${code}`, message: 'a bad day' }));
    return;
  }
  to.writeHead(status, { 'content-type': 'application/xml' });
  to.end(from.method === 'HEAD' ? undefined : `<Error><Code>${code}</Code><Message>a bad day</Message></Error>`);
}
