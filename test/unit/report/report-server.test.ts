import { once } from 'node:events';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLiveReport, type LiveReport } from '../../../lib/report/live-report.ts';
import { openReportServer, type ReportServer } from '../../../lib/report/report-server.ts';
import { reportRowAt } from '../../support/report-rows.ts';

interface Answer {
  status: number | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

describe('the server of a live report', () => {
  let live: LiveReport;
  let server: ReportServer;
  let port: number;
  let dropped: { name: string; body: string }[];

  beforeEach(async () => {
    live = createLiveReport();
    dropped = [];
    server = await openReportServer({
      port: 0,
      live,
      maxBytes: 1000,
      async *page() {
        yield '<!doctype html>';
        yield 'the page';
      },
      async drop(name, body) {
        const pieces = await Array.fromAsync(body);
        if (name === 'disk.full') throw new Error('the disk is full');
        dropped.push({ name, body: Buffer.concat(pieces).toString() });
        return `dropped/${name}`;
      },
    });
    port = Number(new URL(server.url).port);
  });
  afterEach(async () => {
    live.end();
    await server.close();
  });

  function send(path: string, options: RequestOptions = {}): ReturnType<typeof request> {
    // The path is sent as it is: fetch would resolve `..` first.
    return request({ host: '127.0.0.1', port, path, agent: false, ...options });
  }

  async function answerOf(sent: ReturnType<typeof request>): Promise<Answer> {
    const [response]: IncomingMessage[] = await once(sent, 'response');
    if (response === undefined) throw new Error('no answer');
    return { status: response.statusCode, headers: response.headers, body: await text(response) };
  }

  const get = (path: string, options: RequestOptions = {}): Promise<Answer> => answerOf(send(path, options).end());

  function post(path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
    const origin = `http://127.0.0.1:${port}`;
    return answerOf(send(path, { method: 'POST', headers: { origin, ...headers } }).end(body));
  }

  /** Opens the event stream. `until` resolves to all received text once it matches `pattern`. */
  async function openStream(headers: Record<string, string> = {}) {
    const sent = send('/events', { headers }).end();
    const [response]: IncomingMessage[] = await once(sent, 'response');
    if (response === undefined) throw new Error('no answer');
    response.setEncoding('utf8');
    let received = '';
    response.on('data', (piece: string) => {
      received += piece;
    });
    return {
      response,
      close: () => sent.destroy(),
      async until(pattern: RegExp): Promise<string> {
        while (!pattern.test(received)) await once(response, 'data');
        return received;
      },
    };
  }

  test('listens on loopback only, and forbids caching and framing of its page', async () => {
    expect(server.url).toBe(`http://127.0.0.1:${port}/`);
    const { status, headers, body } = await get('/');
    expect(status).toBe(200);
    expect(body).toBe('<!doctype html>the page');
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "frame-ancestors 'none'",
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect((await get('/', { method: 'HEAD' })).body).toBe('');
  });

  test('refuses foreign requests on every path', async () => {
    for (const path of ['/', '/events', '/pictures', '/none']) {
      expect((await get(path, { headers: { host: 'evil.example' } })).status, path).toBe(421);
      expect((await get(path, { headers: { origin: 'http://evil.example' } })).status, path).toBe(403);
      expect((await get(path, { headers: { 'sec-fetch-site': 'cross-site' } })).status, path).toBe(403);
    }
    expect((await post('/pictures?name=a.png', 'x', { origin: 'http://evil.example' })).status).toBe(403);
    const withoutOrigin = send('/pictures?name=a.png', { method: 'POST' }).end('x');
    expect((await answerOf(withoutOrigin)).status).toBe(403);
    expect(dropped).toEqual([]);
  });

  /** Sends `lines` as they are, and gives the statuses of the answers. OURS is the server's host. */
  async function statusesOf(lines: readonly string[]): Promise<string[]> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(lines.map((line) => `${line.replaceAll('OURS', `127.0.0.1:${port}`)}\r\n`).join(''));
    const answers = await text(socket);
    return [...answers.matchAll(/^HTTP\/1\.1 (\d+) /gm)].map(([, status = '']) => status);
  }

  const drop = ['POST /pictures?name=a.png HTTP/1.1', 'Host: OURS', 'Origin: http://OURS', 'Connection: close'];

  test('takes a picture from a request of one host and one length', async () => {
    expect(await statusesOf([...drop, 'Content-Length: 3', '', 'x'])).toEqual(['201']);
    expect(dropped).toEqual([{ name: 'a.png', body: 'x\r\n' }]);
  });

  test.each([
    ['two hosts', '400', ['GET / HTTP/1.1', 'Host: OURS', 'Host: evil.example', 'Connection: close', '']],
    [
      'two hosts, the foreign one first',
      '400',
      ['GET / HTTP/1.1', 'host: evil.example', 'Host: OURS', 'Connection: close', ''],
    ],
    ['no host', '400', ['GET / HTTP/1.1', 'Connection: close', '']],
    ['no host, which HTTP/1.0 allows', '421', ['GET / HTTP/1.0', '']],
    ['a list of hosts', '421', ['GET / HTTP/1.1', 'Host: OURS, evil.example', 'Connection: close', '']],
    ['a user before the host', '421', ['GET / HTTP/1.1', 'Host: evil.example@OURS', 'Connection: close', '']],
    ['a dot after the host', '421', ['GET / HTTP/1.1', 'Host: localhost.', 'Connection: close', '']],
    ['a host on two lines', '400', ['GET / HTTP/1.1', 'Host: evil.example', ' OURS', 'Connection: close', '']],
    ['two origins', '403', [...drop, 'Origin: http://evil.example', 'Content-Length: 0', '']],
    ['two lengths', '400', [...drop, 'Content-Length: 1', 'Content-Length: 2', '', 'x']],
    ['a length with a sign', '400', [...drop, 'Content-Length: +1', '', 'x']],
    ['a length and an encoding', '400', [...drop, 'Content-Length: 1', 'Transfer-Encoding: chunked', '', '0', '']],
    ['an unknown encoding', '400', [...drop, 'Transfer-Encoding: xchunked', '', '0', '']],
    ['an encoding after chunked', '400', [...drop, 'Transfer-Encoding: chunked, identity', '', '0', '']],
    ['two encodings', '400', [...drop, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity', '', '0', '']],
  ])('refuses a request with %s', async (_, status, lines) => {
    expect(await statusesOf(lines)).toEqual([status]);
    expect(dropped).toEqual([]);
  });

  test.each(['/../../etc/passwd', '/%2e%2e/etc/passwd', '//evil/', '/page.js', '/constructor', 'http://evil.example/'])(
    'answers 404 at %s',
    async (path) => {
      const { status, body } = await get(path);
      expect(status).toBe(404);
      expect(body).toBe('There is no such page.\n');
    },
  );

  test.each([
    ['/', 'POST', 'GET, HEAD'],
    ['/', 'DELETE', 'GET, HEAD'],
    ['/events', 'POST', 'GET'],
    ['/pictures', 'GET', 'POST'],
    ['/pictures', 'PUT', 'POST'],
    ['/pictures', 'OPTIONS', 'POST'],
  ])('%s refuses %s', async (path, method, allow) => {
    const answer = await get(path, { method, headers: { origin: `http://127.0.0.1:${port}` } });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
  });

  test('stores a picture and answers with its key', async () => {
    const { status, body } = await post('/pictures?name=my%20cat%2F..%2F%C3%A4.png', 'pixels');
    expect(status).toBe(201);
    expect(JSON.parse(body)).toEqual({ key: 'dropped/my cat/../ä.png' });
    expect(dropped).toEqual([{ name: 'my cat/../ä.png', body: 'pixels' }]);
  });

  test('answers why a picture could not be stored', async () => {
    expect(await post('/pictures?name=disk.full', 'x')).toMatchObject({ status: 500, body: 'the disk is full\n' });
  });

  test('refuses a picture whose announced length is too large before reading it', async () => {
    const sent = send('/pictures?name=a.png', {
      method: 'POST',
      headers: { origin: `http://127.0.0.1:${port}`, 'content-length': '1001' },
    });
    sent.flushHeaders();
    const { status, body, headers } = await answerOf(sent);
    expect(status).toBe(413);
    expect(body).toContain('at most 0.001 MB (--max-megabytes)');
    expect(headers.connection).toBe('close');
    expect((await post('/pictures?name=b.png', 'x'.repeat(1000))).status).toBe(201);
  });

  test('stops reading a picture without an announced length once it is too large', async () => {
    const sent = send('/pictures?name=a.png', {
      method: 'POST',
      headers: { origin: `http://127.0.0.1:${port}`, 'transfer-encoding': 'chunked' },
    });
    sent.write('x'.repeat(1001));
    expect((await answerOf(sent)).status).toBe(413);
    expect(dropped).toEqual([]);
    sent.destroy();
  });

  test('drops a picture whose connection breaks, and goes on', async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `POST /pictures?name=a.png HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: http://127.0.0.1:${port}\r\nContent-Length: 100\r\n\r\nhalf`,
    );
    socket.end();
    socket.resume();
    await once(socket, 'close');
    expect(dropped).toEqual([]);
    expect((await get('/')).status).toBe(200);
  });

  test.each([
    ['headers', ''],
    ['a picture', 'Content-Length: 100\r\n\r\nhalf'],
  ])('stops waiting for %s after a time, while event streams stay open', async (_, rest) => {
    let failed = 0;
    const strict = await openReportServer({
      port: 0,
      live,
      maxBytes: 1000,
      timeouts: { headersMs: 100, requestMs: 200, checkMs: 50 },
      async *page() {},
      async drop(_, body) {
        await Array.fromAsync(body).catch((error) => {
          failed += 1;
          throw error;
        });
        return 'dropped/a.png';
      },
    });
    port = Number(new URL(strict.url).port);
    const page = await openStream();
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST /pictures?name=a.png HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: http://127.0.0.1:${port}\r\n`,
    );
    socket.write(rest);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
    await expect.poll(() => failed, { timeout: 10_000 }).toBe(rest === '' ? 0 : 1);
    live.put(reportRowAt(0));
    expect(await page.until(/picture 0/)).toContain('event: rows');
    live.end();
    await strict.close();
  });

  test('sends a page all rows, then each change, then the end', async () => {
    live.put(reportRowAt(0));
    live.setProgress({ done: 1, total: 3 });
    const page = await openStream();
    expect(page.response.headers['content-type']).toBe('text/event-stream');
    const first = await page.until(/event: state/);
    expect(first).toMatch(/^retry: 2000\n\nevent: rows\nid: [0-9a-f-]+\.1\ndata: \[{.*}\]\n\nevent: state\n/);
    expect(first).toContain('"progress":{"done":1,"total":3}');
    live.put(reportRowAt(1));
    expect(await page.until(/picture 1\.jpg.*"pictures":2/s)).toMatch(/\nid: [0-9a-f-]+\.3\n/);
    live.end();
    expect(await page.until(/event: end\ndata: \n\n$/)).toContain('event: end');
  });

  test('sends a reconnecting page only the rows that it missed', async () => {
    live.put(reportRowAt(0));
    live.put(reportRowAt(1));
    const page = await openStream();
    const id = /id: (.*\.2)\n/.exec(await page.until(/event: state/))?.[1] ?? '';
    page.close();
    live.put(reportRowAt(2));
    const again = await (await openStream({ 'last-event-id': id })).until(/event: state/);
    expect(again.match(/picture \d/g)).toEqual(['picture 2']);
  });

  test('makes a page of an earlier process reload', async () => {
    const page = await openStream({ 'last-event-id': '00000000-0000-0000-0000-000000000000.5' });
    expect(await page.until(/reload/)).toContain('event: reload\n');
    if (!page.response.readableEnded) await once(page.response, 'end');
  });

  test('allows 16 event streams at once', async () => {
    const pages = await Promise.all(Array.from({ length: 16 }, () => openStream()));
    expect((await get('/events')).status).toBe(503);
    pages[0]?.close();
    await expect.poll(async () => (await openStream()).response.statusCode).toBe(200);
  });

  test('fails with the system code for a port in use', async () => {
    const options = { port, live, maxBytes: 1, page: async function* () {}, drop: async () => '' };
    await expect(openReportServer(options)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
