import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { clientDefaults } from '../../../lib/aws/clients.ts';

it('closes its connections once they are idle: after a freeze they could be dead', async () => {
  const sockets: Socket[] = [];
  const server = createServer((_, response) => response.end());
  // The server itself never closes one.
  server.keepAliveTimeout = 0;
  server.on('connection', (socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { requestHandler } = clientDefaults;
  const { httpAgent } = requestHandler;
  const client = new S3Client({
    ...clientDefaults,
    requestHandler: { ...requestHandler, httpAgent: { ...httpAgent, timeout: httpAgent.timeout / 1000 } },
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  });
  const head = () => client.send(new HeadObjectCommand({ Bucket: 'pictures', Key: 'a.jpg' }));

  await head();
  const [first] = sockets;
  if (first !== undefined && !first.destroyed) await once(first, 'close');
  await head();
  expect(sockets).toHaveLength(2);

  client.destroy();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});
