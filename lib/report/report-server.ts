import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { errorCode } from '../ports/error.ts';
import type { LiveReport } from './live-report.ts';
import { BodyTooLargeError, limitedBody, type Refusal, refuseStranger } from './request-guard.ts';
import { streamReport } from './stream-report.ts';

export interface ReportServerOptions {
  /** 0: any free port. */
  port: number;
  live: LiveReport;
  /** The page, piece by piece. */
  page: () => AsyncIterable<string>;
  /** Stores a picture that was dropped on the page; resolves to its key. The page shows an error that it throws. */
  drop: (name: string, body: AsyncIterable<Uint8Array>) => Promise<string>;
  /** Largest picture to accept (bytes). */
  maxBytes: number;
  /** Default {@link defaultTimeouts}. */
  timeouts?: Timeouts;
}

/** How long the server waits for a client (milliseconds). */
interface Timeouts {
  /** For the headers of a request. */
  headersMs: number;
  /** For a whole request. */
  requestMs: number;
  /** How often Node checks the two. */
  checkMs: number;
}

export interface ReportServer {
  /** Address of the page. */
  url: string;
  /** Tells the pages that the live report has ended, then stops the server. */
  close(): Promise<void>;
}

/** Only programs on this machine can reach it. */
const loopback = '127.0.0.1';

/** Connections at once. A browser keeps 6. */
const maxConnections = 64;

/** Pages that receive events at once. */
const maxStreams = 16;

/** Pictures received at once. A page sends one at a time. */
const maxUploads = 8;

/** A minute is enough even for 2 GB, which comes from this machine. */
const defaultTimeouts: Timeouts = { headersMs: 10_000, requestMs: 60_000, checkMs: 2_000 };

/** How long the pages have to receive the last event (milliseconds). */
const closingMs = 1_000;

/** For every response: it must not be cached, sniffed or framed, and no other site may read it. */
const commonHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};

/** The page contains its own policy, but only a header can forbid frames. */
const pagePolicy = "frame-ancestors 'none'";
/** Data must not be used as a page at all. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'";

/** The server could not listen on the port. The code is the system's: EADDRINUSE, EACCES … */
export class ListenError extends Error {
  readonly code: string;

  constructor(code: string, options: ErrorOptions) {
    super(`Could not listen on a port of ${loopback}: ${code}.`, options);
    this.name = 'ListenError';
    this.code = code;
  }
}

/**
 * Serves a live report to this machine only. `/` is the page, `/events` sends changes (server-sent events), and
 * `POST /pictures?name=…` accepts pictures that are dropped on the page. The origin of every request is checked.
 *
 * @throws {ListenError}
 */
export async function openReportServer(options: ReportServerOptions): Promise<ReportServer> {
  const { live, page, drop, maxBytes, timeouts = defaultTimeouts } = options;
  const instance = crypto.randomUUID();
  let streams = 0;
  let uploads = 0;
  let port = options.port;

  const routes: Record<string, { methods: readonly string[]; answer: typeof sendPage }> = {
    '/': { methods: ['GET', 'HEAD'], answer: sendPage },
    '/events': { methods: ['GET'], answer: sendEvents },
    '/pictures': { methods: ['POST'], answer: takePicture },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = refuseStranger(request, port);
    if (refusal !== undefined) return refuse(response, refusal);
    // Compared unresolved: a path with `..` or another host is none of the routes.
    const [path = ''] = request.url?.split('?') ?? [];
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) return refuse(response, { status: 404, words: 'There is no such page.' });
    if (!route.methods.includes(request.method ?? '')) {
      response.setHeader('allow', route.methods.join(', '));
      return refuse(response, { status: 405, words: `Expected ${route.methods.join(' or ')}.` });
    }
    await route.answer(request, response);
  }

  async function sendPage({ method }: IncomingMessage, response: ServerResponse): Promise<void> {
    response.writeHead(200, headers('text/html; charset=utf-8', pagePolicy));
    if (method !== 'HEAD') for await (const piece of page()) response.write(piece);
    response.end();
  }

  async function sendEvents(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (streams >= maxStreams) {
      return refuse(response, { status: 503, words: `${maxStreams} pages are open already; close one.` });
    }
    streams += 1;
    try {
      response.writeHead(200, headers('text/event-stream'));
      await streamReport(live, response, { instance, lastEventId: request.headers['last-event-id'] });
    } finally {
      streams -= 1;
    }
  }

  async function takePicture(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (uploads >= maxUploads) {
      return refuse(response, { status: 503, words: `${maxUploads} pictures are being sent already; try again.` });
    }
    uploads += 1;
    try {
      const name = new URLSearchParams(request.url?.split('?')[1]).get('name') ?? '';
      const key = await drop(name, limitedBody(request, maxBytes));
      const body = JSON.stringify({ key });
      response.writeHead(201, headers('application/json'));
      response.end(body);
    } catch (error) {
      if (error instanceof BodyTooLargeError) refuse(response, { status: 413, words: error.message });
      else if (!request.destroyed || request.complete) {
        refuse(response, { status: 500, words: error instanceof Error ? error.message : String(error) });
      }
    } finally {
      uploads -= 1;
    }
  }

  const server = createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      connectionsCheckingInterval: timeouts.checkMs,
      // Also where Node runs with --insecure-http-parser: a request whose length is ambiguous is refused.
      insecureHTTPParser: false,
    },
    (request, response) => {
      answer(request, response).catch(() => response.destroy());
    },
  );
  server.maxConnections = maxConnections;
  port = await listen(server, port);
  return {
    url: `http://${loopback}${port === 80 ? '' : `:${port}`}/`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      // Event streams end when the report has ended.
      await Promise.race([closed, setTimeout(closingMs)]);
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, loopback);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new ListenError(errorCode(cause) ?? String(cause), { cause });
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function headers(type: string, policy = dataPolicy): Record<string, string> {
  return { ...commonHeaders, 'content-type': type, 'content-security-policy': policy };
}

/** Answers in plain text, without waiting for the rest of the request. */
function refuse(response: ServerResponse, { status, words }: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, {
    ...headers('text/plain; charset=utf-8'),
    ...(response.req.complete ? {} : { connection: 'close' }),
  });
  response.end(`${words}\n`);
}
