import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** Why a request gets nothing. */
export interface Refusal {
  /** HTTP status. */
  status: number;
  words: string;
}

/**
 * Refuses what does not come from this server's own page or from its address in the browser: a foreign Host (a name
 * that was pointed here, DNS rebinding), a foreign Origin, and what the browser itself calls cross-site. What changes
 * something has to name its origin; every browser does.
 */
export function refuseStranger(
  { method, headers }: { method?: string | undefined; headers: IncomingHttpHeaders },
  port: number,
): Refusal | undefined {
  // Browsers leave out the port that goes without saying.
  const hosts = ['127.0.0.1', 'localhost'].map((name) => (port === 80 ? name : `${name}:${port}`));
  const { host = '', origin, 'sec-fetch-site': site } = headers;
  const address = `http://${hosts[0]}/`;
  if (!hosts.includes(host)) {
    return { status: 421, words: `This server answers only as ${address}` };
  }
  const reads = method === 'GET' || method === 'HEAD';
  if (origin === undefined ? !reads : origin !== `http://${host}`) {
    return { status: 403, words: `Only the page at ${address} may ask for this.` };
  }
  // `none`: typed, or followed from outside of the browser.
  if (site !== undefined && site !== 'same-origin' && !(reads && site === 'none')) {
    return { status: 403, words: `Only the page at ${address} may ask for this; open it by its address.` };
  }
  return undefined;
}

/** A request carries more than it may. */
export class BodyTooLargeError extends Error {
  constructor(maxBytes: number) {
    super(`Expected a picture of at most ${maxBytes / 1e6} MB (--max-megabytes), received a larger one.`);
    this.name = 'BodyTooLargeError';
  }
}

/**
 * The body of a request piece by piece, never more than `maxBytes`: by what it says of itself, and by what comes.
 *
 * @throws {BodyTooLargeError}
 */
export async function* limitedBody(request: IncomingMessage, maxBytes: number): AsyncGenerator<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw new BodyTooLargeError(maxBytes);
  let bytes = 0;
  // Left open: what is refused still gets its answer.
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    if (!(piece instanceof Uint8Array)) continue;
    bytes += piece.length;
    if (bytes > maxBytes) throw new BodyTooLargeError(maxBytes);
    yield piece;
  }
}
