import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A stub of AWS for the deployed processes. Every request succeeds at almost no cost; nothing is stored. */
export interface StubAws extends AsyncDisposable {
  endpoint: string;
  /** Number of requests by action. */
  requests: Record<string, number>;
}

/** ETag of every picture and every outcome. */
export const stubEtag = '"0123456789abcdef0123456789abcdef"';

/** Starts the stub: every receive gets `message`, every object has the body `picture`. */
export async function startStubAws({ message, picture }: { message: string; picture: Uint8Array }): Promise<StubAws> {
  const requests: Record<string, number> = {};
  const md5 = createHash('md5').update(message).digest('hex');
  let receipts = 0;

  function answerJson(action: string, body: string): unknown {
    if (action === 'ReceiveMessage') {
      receipts += 1;
      const Attributes = { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) };
      const about = { MessageId: `${receipts}`, ReceiptHandle: `${receipts}`, MD5OfBody: md5 };
      return { Messages: [{ ...about, Body: message, Attributes }] };
    }
    if (action === 'DescribeServices') return { services: [{ status: 'ACTIVE', desiredCount: 1 }] };
    const { Entries: entries = [] }: { Entries?: { Id: string; MessageBody?: string }[] } = JSON.parse(body);
    return {
      Successful: entries.map(({ Id, MessageBody: sent = '' }) => ({
        Id,
        MessageId: Id,
        MD5OfMessageBody: createHash('md5').update(sent).digest('hex'),
      })),
      Failed: [],
    };
  }

  const server = createServer(async (from, to) => {
    const chunks: Buffer[] = [];
    for await (const chunk of from) chunks.push(chunk);
    const action = actionOf(from);
    requests[action] = (requests[action] ?? 0) + 1;
    if (action.startsWith('S3')) {
      const length = from.method === 'PUT' ? 0 : picture.length;
      const headers = { etag: stubEtag, 'content-length': length, 'last-modified': new Date(0).toUTCString() };
      to.writeHead(200, headers).end(from.method === 'GET' ? picture : undefined);
    } else if (action === 'Publish') {
      const xml = '<PublishBatchResponse><PublishBatchResult><Failed/></PublishBatchResult></PublishBatchResponse>';
      to.writeHead(200, { 'content-type': 'text/xml' }).end(xml);
    } else {
      const headers = { 'content-type': 'application/x-amz-json-1.0' };
      to.writeHead(200, headers).end(JSON.stringify(answerJson(action, Buffer.concat(chunks).toString())));
    }
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://localhost:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function actionOf({ headers, method }: IncomingMessage): string {
  const target = String(headers['x-amz-target'] ?? '');
  if (target !== '') return target.slice(target.indexOf('.') + 1);
  return /\/sns\/aws4_request/.test(headers.authorization ?? '') ? 'Publish' : `S3 ${method}`;
}
