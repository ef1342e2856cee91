import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A call as IAM sees it. */
export interface RecordedCall {
  /** Access key that signed the call: the caller. */
  who: string;
  /** `s3:GetObject` */
  action: string;
  /** ARN; only the name for an ECS service. */
  resource: string;
  /** Prefix of a listing. */
  prefix?: string;
}

export interface RecordingProxy extends AsyncDisposable {
  endpoint: string;
  calls: RecordedCall[];
}

/** A proxy in front of an emulator that records who called which action on which resource. */
export async function startRecordingProxy(target: string, account: string, region: string): Promise<RecordingProxy> {
  const { hostname, port } = new URL(target);
  const calls: RecordedCall[] = [];
  const server = createServer(async (from, to) => {
    const chunks: Buffer[] = [];
    for await (const chunk of from) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    calls.push(callOf(from, body, account, region));
    const { method, url, headers } = from;
    const forward = request({ hostname, port, method, path: url, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    forward.on('error', () => from.socket.destroy());
    from.socket.on('close', () => forward.destroy());
    forward.end(body);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const address = server.address() as AddressInfo;
  return {
    endpoint: `http://localhost:${address.port}`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function callOf({ method = '', url = '', headers }: IncomingMessage, body: Buffer, account: string, region: string) {
  const [, who = '', service = ''] =
    /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\//.exec(headers.authorization ?? '') ?? [];
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  if (service === 's3') {
    const path = decodeURIComponent(pathname.slice(1));
    const listing = searchParams.has('list-type');
    const verbs: Record<string, string> = {
      GET: 'GetObject',
      HEAD: 'GetObject',
      PUT: 'PutObject',
      DELETE: 'DeleteObject',
    };
    const action = `s3:${listing ? 'ListBucket' : (verbs[method] ?? method)}`;
    const prefix = searchParams.get('prefix');
    return { who, action, resource: `arn:aws:s3:::${path.replace(/\/$/, '')}`, ...(prefix !== null && { prefix }) };
  }
  // IAM has no actions for batches: they count as the single call.
  const target =
    String(headers['x-amz-target'] ?? '')
      .split('.')
      .at(-1) ?? '';
  if (service === 'sqs') {
    const { QueueUrl = '' } = JSON.parse(body.toString());
    const queue = `arn:aws:sqs:${region}:${account}:${String(QueueUrl).split('/').at(-1)}`;
    return { who, action: `sqs:${target.replace(/Batch$/, '')}`, resource: queue };
  }
  if (service === 'ecs') {
    const { service: name, services: [first] = [name] } = JSON.parse(body.toString());
    return { who, action: `ecs:${target}`, resource: String(first) };
  }
  const form = new URLSearchParams(body.toString());
  const action = `${service}:${(form.get('Action') ?? target).replace(/Batch$/, '')}`;
  return { who, action, resource: form.get('TopicArn') ?? '' };
}
