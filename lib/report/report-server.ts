import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { errorCode } from '../ports/error.ts';
import type { LiveReport } from './live-report.ts';
import { BodyTooLargeError, limitedBody, type Refusal, refuseStranger } from './request-guard.ts';
import { streamReport } from './stream-report.ts';

export interface ReportServerOptions {
  /** 0: any that is free. */
  port: number;
  live: LiveReport;
  /** The page, piece by piece. */
  page: () => AsyncIterable<string>;
  /** Takes a picture that was dropped on the page; resolves to its key. What it throws, the page shows. */
  drop: (name: string, body: AsyncIterable<Uint8Array>) => Promise<string>;
  /** Largest picture that is taken, bytes. */
  maxBytes: number;
  /** Default {@link PATIENCE}. */
  patience?: Patience;
}

/** How long the server waits for a client, milliseconds. */
interface Patience {
  /** For the headers of a request. */
  headersMs: number;
  /** For a request to come whole. */
  requestMs: number;
  /** How often Node looks for what is too slow. */
  checkMs: number;
}

export interface ReportServer {
  /** Where the page is. */
  url: string;
  /** Tells the pages that nothing comes any more, when the live report has ended, and stops. */
  close(): Promise<void>;
}

/** Only this machine can reach it. */
const LOOPBACK = '127.0.0.1';

/** A browser keeps 6 connections; these are many browsers. */
const MOST_CONNECTIONS = 64;

/** Pages that listen at once. */
const MOST_STREAMS = 16;

/** Pictures that come at once; a page sends one after the other. */
const MOST_UPLOADS = 8;

/** Over loopback a minute is long, even for 2 GB. */
const PATIENCE: Patience = { headersMs: 10_000, requestMs: 60_000, checkMs: 2_000 };

/** For the pages to hear the end, milliseconds. */
const FAREWELL_MS = 1_000;

/** Every answer: not to be kept, guessed at, framed, or read by another site. */
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};

/** The page has its own policy; only a header can forbid frames. Of everything else nothing may be used. */
const PAGE_POLICY = "frame-ancestors 'none'";
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** The port could not be had. The code is the system's: EADDRINUSE, EACCES … */
export class ListenError extends Error {
  readonly code: string;

  constructor(code: string, options: ErrorOptions) {
    super(`Could not listen on a port of ${LOOPBACK}: ${code}.`, options);
    this.name = 'ListenError';
    this.code = code;
  }
}

/**
 * Serves a live report on this machine alone: the page at `/`, what happens at `/events` (server-sent events), and
 * `POST /pictures?name=…` for what is dropped on the page. Every request is checked for whom it comes from.
 *
 * @throws {ListenError}
 */
export async function openReportServer(options: ReportServerOptions): Promise<ReportServer> {
  const { live, page, drop, maxBytes, patience = PATIENCE } = options;
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
    // Compared as it came: what would first have to be resolved (`..`, another host) is none of these.
    const [path = ''] = request.url?.split('?') ?? [];
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) return refuse(response, { status: 404, words: 'There is nothing here.' });
    if (!route.methods.includes(request.method ?? '')) {
      response.setHeader('allow', route.methods.join(', '));
      return refuse(response, { status: 405, words: `Only ${route.methods.join(' and ')}.` });
    }
    await route.answer(request, response);
  }

  async function sendPage({ method }: IncomingMessage, response: ServerResponse): Promise<void> {
    response.writeHead(200, {
      ...{ ...HEADERS, 'content-type': 'text/html; charset=utf-8', 'content-security-policy': PAGE_POLICY },
    });
    if (method !== 'HEAD') for await (const piece of page()) response.write(piece);
    response.end();
  }

  async function sendEvents(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (streams >= MOST_STREAMS) {
      return refuse(response, { status: 503, words: `${MOST_STREAMS} pages listen already; close one.` });
    }
    streams += 1;
    try {
      response.writeHead(200, {
        ...{ ...HEADERS, 'content-type': 'text/event-stream', 'content-security-policy': DATA_POLICY },
      });
      await streamReport(live, response, { instance, lastEventId: request.headers['last-event-id'] });
    } finally {
      streams -= 1;
    }
  }

  async function takePicture(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (uploads >= MOST_UPLOADS) {
      return refuse(response, { status: 503, words: `${MOST_UPLOADS} pictures are on their way already; try again.` });
    }
    uploads += 1;
    try {
      const name = new URLSearchParams(request.url?.split('?')[1]).get('name') ?? '';
      const key = await drop(name, limitedBody(request, maxBytes));
      const body = JSON.stringify({ key });
      response.writeHead(201, {
        ...{ ...HEADERS, 'content-type': 'application/json', 'content-security-policy': DATA_POLICY },
      });
      response.end(body);
    } catch (error) {
      if (error instanceof BodyTooLargeError) refuse(response, { status: 413, words: error.message });
      else if (!request.destroyed || request.complete) refuse(response, { status: 500, words: wordsOf(error) });
    } finally {
      uploads -= 1;
    }
  }

  const server = createServer(
    {
      headersTimeout: patience.headersMs,
      requestTimeout: patience.requestMs,
      connectionsCheckingInterval: patience.checkMs,
    },
    (request, response) => {
      answer(request, response).catch(() => response.destroy());
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  port = await listen(server, port);
  return {
    url: `http://${LOOPBACK}${port === 80 ? '' : `:${port}`}/`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      // Streams end by themselves once the report has.
      await Promise.race([closed, setTimeout(FAREWELL_MS)]);
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, LOOPBACK);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new ListenError(errorCode(cause) ?? String(cause), { cause });
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** A plain answer. What of the request has not come yet is not waited for. */
function refuse(response: ServerResponse, { status, words }: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, {
    ...{ ...HEADERS, 'content-type': 'text/plain; charset=utf-8', 'content-security-policy': DATA_POLICY },
    ...(response.req.complete ? {} : { connection: 'close' }),
  });
  response.end(`${words}\n`);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
