import { describe, expect, test } from 'vitest';
import { refuseStranger } from '../../../lib/report/request-guard.ts';

const PORT = 4478;

function status(method: string, headers: Record<string, string>, port = PORT): number | undefined {
  return refuseStranger({ method, headers: { host: `127.0.0.1:${PORT}`, ...headers } }, port)?.status;
}

describe('a request', () => {
  test.each([
    ['typed into the address bar', 'GET', { 'sec-fetch-site': 'none' }],
    ['of the page itself', 'GET', { 'sec-fetch-site': 'same-origin' }],
    ['of a program that is no browser', 'GET', {}],
    ['by the other name of this machine', 'GET', { host: 'localhost:4478' }],
    ['that posts from the page', 'POST', { origin: 'http://127.0.0.1:4478', 'sec-fetch-site': 'same-origin' }],
    ['that posts from localhost', 'POST', { host: 'localhost:4478', origin: 'http://localhost:4478' }],
  ])('%s is answered', (_, method, headers) => {
    expect(status(method, headers)).toBeUndefined();
  });

  test.each([
    ['a name that was pointed at this machine', 'GET', { host: 'evil.example:4478' }, 421],
    ['no host', 'GET', { host: '' }, 421],
    ['another port', 'GET', { host: '127.0.0.1:4479' }, 421],
    ['a host that only begins like ours', 'GET', { host: '127.0.0.1:4478.evil.example' }, 421],
    ['another origin', 'GET', { origin: 'https://evil.example' }, 403],
    ['another origin, posting', 'POST', { origin: 'https://evil.example' }, 403],
    ['a sandboxed frame', 'POST', { origin: 'null' }, 403],
    ['another port of this machine', 'POST', { origin: 'http://127.0.0.1:3000' }, 403],
    ['our name under https', 'POST', { origin: 'https://127.0.0.1:4478' }, 403],
    ['our other name', 'POST', { origin: 'http://localhost:4478' }, 403],
    ['nowhere, posting', 'POST', {}, 403],
    ['another site, by the browser’s word', 'GET', { 'sec-fetch-site': 'cross-site' }, 403],
    ['another port, by the browser’s word', 'GET', { 'sec-fetch-site': 'same-site' }, 403],
    ['no page, posting', 'POST', { origin: 'http://127.0.0.1:4478', 'sec-fetch-site': 'none' }, 403],
  ])('with %s is refused', (_, method, headers, expected) => {
    expect(status(method, headers)).toBe(expected);
  });

  test('on port 80 names no port', () => {
    expect(status('POST', { host: '127.0.0.1', origin: 'http://127.0.0.1' }, 80)).toBeUndefined();
    expect(status('POST', { host: '127.0.0.1:80', origin: 'http://127.0.0.1:80' }, 80)).toBe(421);
  });
});
