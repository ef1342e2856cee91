import type { IncomingMessage } from 'node:http';

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
