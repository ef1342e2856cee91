import { describe, expect, test } from 'vitest';
import { refuseStranger } from '../../../lib/report/request-guard.ts';

const ownPort = 4478;

function status(method: string, headers: Record<string, string>, port = ownPort): number | undefined {
  const all = { host: `127.0.0.1:${ownPort}`, ...headers };
  return refuseStranger({ method, headers: all, headersDistinct: { host: [all.host] } }, port)?.status;
}

describe('a request', () => {
  test.each([
    ['typed into the address bar', 'GET', { 'sec-fetch-site': 'none' }],
    ['from the page itself', 'GET', { 'sec-fetch-site': 'same-origin' }],
    ['from a program that is no browser', 'GET', {}],
    ['to localhost', 'GET', { host: 'localhost:4478' }],
    ['posted from the page', 'POST', { origin: 'http://127.0.0.1:4478', 'sec-fetch-site': 'same-origin' }],
    ['posted from localhost', 'POST', { host: 'localhost:4478', origin: 'http://localhost:4478' }],
  ])('%s is accepted', (_, method, headers) => {
    expect(status(method, headers)).toBeUndefined();
  });

  test.each([
    ['a foreign name that resolves to this machine', 'GET', { host: 'evil.example:4478' }, 421],
    ['no host', 'GET', { host: '' }, 421],
    ['another port', 'GET', { host: '127.0.0.1:4479' }, 421],
    ['a host that only starts like ours', 'GET', { host: '127.0.0.1:4478.evil.example' }, 421],
    ['another origin', 'GET', { origin: 'https://evil.example' }, 403],
    ['another origin, posted', 'POST', { origin: 'https://evil.example' }, 403],
    ['a sandboxed frame', 'POST', { origin: 'null' }, 403],
    ['another port of this machine', 'POST', { origin: 'http://127.0.0.1:3000' }, 403],
    ['our name with https', 'POST', { origin: 'https://127.0.0.1:4478' }, 403],
    ['our other name', 'POST', { origin: 'http://localhost:4478' }, 403],
    ['no origin, posted', 'POST', {}, 403],
    ['another site, as the browser reports', 'GET', { 'sec-fetch-site': 'cross-site' }, 403],
    ['another port, as the browser reports', 'GET', { 'sec-fetch-site': 'same-site' }, 403],
    ['no page, posted', 'POST', { origin: 'http://127.0.0.1:4478', 'sec-fetch-site': 'none' }, 403],
  ])('with %s is refused', (_, method, headers, expected) => {
    expect(status(method, headers)).toBe(expected);
  });

  test.each([[['127.0.0.1:4478', 'evil.example']], [['127.0.0.1:4478', '127.0.0.1:4478']]])(
    'with the hosts %j is refused',
    (hosts) => {
      const request = { method: 'GET', headers: { host: hosts[0] }, headersDistinct: { host: hosts } };
      expect(refuseStranger(request, ownPort)).toEqual({ status: 400, words: 'Expected one Host header, received 2.' });
    },
  );

  test('to port 80 names no port', () => {
    expect(status('POST', { host: '127.0.0.1', origin: 'http://127.0.0.1' }, 80)).toBeUndefined();
    expect(status('POST', { host: '127.0.0.1:80', origin: 'http://127.0.0.1:80' }, 80)).toBe(421);
  });
});
