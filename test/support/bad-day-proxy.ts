import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seededRandom } from './seeded-random.ts';

/** What went wrong, and how often. */
type Mishap = 'slow_down' | 'internal_error' | 'reset_before' | 'reset_after' | 'conflict' | 'denied' | 'delay';

export interface BadDayProxy extends AsyncDisposable {
  endpoint: string;
  mishaps: Record<Mishap, number>;
}

/**
 * Stands before an emulator and does what AWS does on bad days, to the given share of requests: throttles, fails, closes
 * connections before and after the work is done, answers late, has conditional writes try again, and takes missing
 * objects for forbidden ones.
 */
export async function startBadDayProxy(target: string, share: number, seed: number): Promise<BadDayProxy> {
  const random = seededRandom(seed);
  const { hostname, port } = new URL(target);
  const mishaps: BadDayProxy['mishaps'] = {
    ...{ slow_down: 0, internal_error: 0, reset_before: 0, reset_after: 0, conflict: 0, denied: 0, delay: 0 },
  };

  function mishapOf(from: IncomingMessage): Mishap | undefined {
    if (random() >= share) return undefined;
    const conditional = from.headers['if-match'] ?? from.headers['if-none-match'];
    const kinds: Mishap[] = ['slow_down', 'internal_error', 'reset_before', 'reset_after', 'delay'];
    if (isS3(from) && from.method === 'PUT' && conditional !== undefined) kinds.push('conflict', 'conflict');
    if (isS3(from) && ['GET', 'HEAD'].includes(from.method ?? '')) kinds.push('denied', 'denied');
    const kind = kinds[Math.floor(random() * kinds.length)];
    if (kind !== undefined) mishaps[kind] += 1;
    return kind;
  }

  const server = createServer(async (from, to) => {
    const mishap = mishapOf(from);
    const chunks: Buffer[] = [];
    for await (const chunk of from) chunks.push(chunk);
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
  return {
    endpoint: `http://localhost:${address.port}`,
    mishaps,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isS3({ headers }: IncomingMessage): boolean {
  return /\/s3\/aws4_request/.test(headers.authorization ?? '');
}

/** The error in the words of the service that was asked. */
function fail(from: IncomingMessage, to: ServerResponse, status: number, code: string): void {
  if (from.headers['content-type']?.startsWith('application/x-amz-json')) {
    to.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    to.end(JSON.stringify({ __type: `com.amazonaws#${code}`, message: 'a bad day' }));
    return;
  }
  to.writeHead(status, { 'content-type': 'application/xml' });
  to.end(from.method === 'HEAD' ? undefined : `<Error><Code>${code}</Code><Message>a bad day</Message></Error>`);
}
