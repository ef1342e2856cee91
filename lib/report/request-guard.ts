import type { IncomingMessage } from 'node:http';

/** Why a request is refused. */
export interface Refusal {
  /** HTTP status. */
  status: number;
  words: string;
}

/**
 * Refuses requests that come neither from this server's own page nor from its address typed into a browser: a foreign
 * Host (DNS rebinding), a foreign Origin, or a request that the browser marks as cross-site. A request that changes
 * something must name its origin; every browser does. Node joins headers that occur twice, which then match nothing, but
 * of several Host headers it keeps the first.
 */
export function refuseStranger(
  { method, headers, headersDistinct }: Pick<IncomingMessage, 'method' | 'headers' | 'headersDistinct'>,
  port: number,
): Refusal | undefined {
  const { host: hosts = [] } = headersDistinct;
  if (hosts.length > 1) return { status: 400, words: `Expected one Host header, received ${hosts.length}.` };
  // Browsers leave out the default port.
  const ours = ['127.0.0.1', 'localhost'].map((name) => (port === 80 ? name : `${name}:${port}`));
  const { host = '', origin, 'sec-fetch-site': site } = headers;
  const address = `http://${ours[0]}/`;
  if (!ours.includes(host)) {
    return { status: 421, words: `This server answers only at ${address}` };
  }
  const reads = method === 'GET' || method === 'HEAD';
  if (origin === undefined ? !reads : origin !== `http://${host}`) {
    return { status: 403, words: `Only the page at ${address} may ask for this.` };
  }
  // `none`: the address was typed, or opened by another program.
  if (site !== undefined && site !== 'same-origin' && !(reads && site === 'none')) {
    return { status: 403, words: `Only the page at ${address} may ask for this; open it by its address.` };
  }
  return undefined;
}

/** The body of a request is too large. */
export class BodyTooLargeError extends Error {
  constructor(maxBytes: number) {
    super(`Expected a picture of at most ${maxBytes / 1e6} MB (--max-megabytes), received a larger one.`);
    this.name = 'BodyTooLargeError';
  }
}

/**
 * The body of a request, piece by piece. Fails above `maxBytes`, by the announced length and by the received bytes.
 *
 * @throws {BodyTooLargeError}
 */
export async function* limitedBody(request: IncomingMessage, maxBytes: number): AsyncGenerator<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw new BodyTooLargeError(maxBytes);
  let bytes = 0;
  // Keep the connection open, so that a refused request gets its answer.
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    if (!(piece instanceof Uint8Array)) continue;
    bytes += piece.length;
    if (bytes > maxBytes) throw new BodyTooLargeError(maxBytes);
    yield piece;
  }
}
