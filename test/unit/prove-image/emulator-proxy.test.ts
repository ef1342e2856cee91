import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { emulatorProxy } from '../../prove-image/emulator-proxy.ts';

const requests: {
  method?: string | undefined;
  url?: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}[] = [];
let answer = '';
const emulator = createServer(async (incoming, outgoing) => {
  const { method, url, headers } = incoming;
  requests.push({ method, url, headers, body: await text(incoming) });
  outgoing.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', 'x-id': '7' }).end(answer);
});
let proxy: ReturnType<typeof emulatorProxy>;
let address: string;

beforeAll(async () => {
  await once(emulator.listen(0), 'listening');
  proxy = emulatorProxy(`http://localhost:${(emulator.address() as AddressInfo).port}`);
  await once(proxy.listen(0), 'listening');
  address = `http://localhost:${(proxy.address() as AddressInfo).port}`;
});
afterAll(() => {
  proxy.close();
  emulator.close();
});
beforeEach(() => {
  requests.length = 0;
});

test('a request passes with its method, path, headers and body, and the answer comes back', async () => {
  answer = 'stored';
  const response = await fetch(`${address}/bucket/a%20b?x=1`, {
    method: 'PUT',
    body: 'picture',
    headers: { etag: 'e' },
  });

  expect(requests).toMatchObject([
    { method: 'PUT', url: '/bucket/a%20b?x=1', body: 'picture', headers: { etag: 'e' } },
  ]);
  expect(response.headers.get('x-id')).toBe('7');
  expect(await response.text()).toBe('stored');
});

test('a long poll asks the emulator without a wait, and ends when it has messages', async () => {
  answer = '{"Messages":[{"Body":"m"}]}';
  const response = await fetch(address, {
    method: 'POST',
    body: '{"QueueUrl":"q","WaitTimeSeconds":20}',
    headers: { 'x-amz-target': 'AmazonSQS.ReceiveMessage', 'content-type': 'application/x-amz-json-1.0' },
  });

  expect(await response.text()).toBe(answer);
  expect(requests.map(({ body }) => JSON.parse(body))).toEqual([{ QueueUrl: 'q', WaitTimeSeconds: 0 }]);
});

test('a poll without a wait ends at once without messages', async () => {
  answer = '{}';
  const headers = { 'x-amz-target': 'AmazonSQS.ReceiveMessage' };
  const response = await fetch(address, { method: 'POST', body: '{"QueueUrl":"q"}', headers });

  expect(await response.text()).toBe('{}');
  expect(requests).toHaveLength(1);
});
