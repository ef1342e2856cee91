import { fork } from 'node:child_process';
import { once } from 'node:events';
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SqsBatchResponse, SqsEvent } from '../../lib/aws/lambda-delivery.ts';

export interface LambdaOptions {
  sqs: SQSClient;
  /** Queue of the event source mapping. */
  queueUrl: string;
  queueArn: string;
  /** The function's whole environment, besides PATH. */
  environment: Record<string, string>;
  /** The function's time limit (milliseconds; default 60000). */
  timeoutMs?: number;
  /** Folder of a bundle to run instead of preprocess's source. */
  bundle?: string;
  /** Most messages in one invocation of the event source mapping (default 100). */
  maxMessages?: number;
  /** Stop the process between invocations, as Lambda does (default false). */
  freeze?: boolean;
}

export interface Lambda {
  /** Message ids in the failure lists of all responses. */
  failures: string[];
  /** Errors that ended whole invocations. */
  errors: string[];
  /** Whether an invocation is in progress. */
  isBusy(): boolean;
  /** What the process printed, line by line. */
  lines(): string[];
  /** Finishes the current invocation and ends the process. */
  stop(): Promise<void>;
  /** Kills the process at once. */
  kill(): Promise<void>;
}

/**
 * Runs a function in its own process, with the event source mapping in front of it. The mapping deletes
 * all messages except those in the response's failure list (ReportBatchItemFailures).
 */
export function startLambda(options: LambdaOptions): Lambda {
  const { sqs, queueUrl, queueArn, environment, timeoutMs = 60_000, bundle } = options;
  const { maxMessages = 100, freeze = false } = options;
  const { PATH: path = '' } = process.env;
  const sourceRuntime = new URL('./lambda-runtime.ts', import.meta.url);
  const bundleRuntime = new URL('./bundle-runtime.js', import.meta.url);
  const child = fork(bundle === undefined ? sourceRuntime : bundleRuntime, {
    cwd: bundle,
    env: { PATH: path, ...environment },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const exited = once(child, 'exit');
  const failures: string[] = [];
  const errors: string[] = [];
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      printed += chunk;
    });
  }
  let stopping = false;
  let busy = false;

  async function gather(): Promise<Message[]> {
    const gathered: Message[] = [];
    while (gathered.length < maxMessages) {
      const { Messages: messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: Math.min(10, maxMessages - gathered.length),
          WaitTimeSeconds: gathered.length === 0 ? 1 : 0,
          MessageSystemAttributeNames: ['All'],
        }),
      );
      if (messages.length === 0) break;
      gathered.push(...messages);
    }
    return gathered;
  }

  async function invoke(messages: Message[]): Promise<SqsBatchResponse | undefined> {
    const records = messages.map(({ MessageId = '', ReceiptHandle = '', Body = '', Attributes = {} }) => ({
      messageId: MessageId,
      receiptHandle: ReceiptHandle,
      body: withSequencer(Body),
      attributes: {
        ApproximateReceiveCount: Attributes.ApproximateReceiveCount ?? '',
        SentTimestamp: Attributes.SentTimestamp ?? '',
      },
      eventSource: 'aws:sqs',
      eventSourceARN: queueArn,
    }));
    const event: SqsEvent = { Records: records };
    // The process was killed while messages were gathered: they become visible again.
    if (!child.connected) return undefined;
    if (freeze) child.kill('SIGCONT');
    child.send({ event, timeoutMs });
    busy = true;
    const answer = await Promise.race([
      once(child, 'message').then(([message]) => message),
      exited.then(() => undefined),
    ]);
    if (answer === undefined) return undefined;
    busy = false;
    if (freeze) child.kill('SIGSTOP');
    if (answer.error !== undefined) errors.push(answer.error);
    return answer.response;
  }

  async function poll(): Promise<void> {
    while (!stopping) {
      const messages = await gather();
      if (messages.length === 0) continue;
      const response = await invoke(messages);
      if (response === undefined) continue;
      const failed = response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
      failures.push(...failed);
      const done = messages.filter(({ MessageId = '' }) => !failed.includes(MessageId));
      for (let i = 0; i < done.length; i += 10) {
        const entries = done.slice(i, i + 10).map(({ ReceiptHandle }, j) => ({ Id: String(j), ReceiptHandle }));
        await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }));
      }
    }
  }

  const polling = poll();
  return {
    failures,
    errors,
    isBusy: () => busy,
    lines: () => printed.split('\n').filter((line) => line !== ''),
    async stop() {
      stopping = true;
      await polling;
      if (freeze) child.kill('SIGCONT');
      child.kill();
      await exited;
    },
    async kill() {
      stopping = true;
      child.kill('SIGKILL');
      await polling;
    },
  };
}

/** Adds the sequencer and the version id of S3's notifications, which moto leaves out. */
function withSequencer(body: string): string {
  if (!body.includes('"aws:s3"')) return body;
  const notification = JSON.parse(body);
  for (const [i, { s3 }] of notification.Records.entries()) {
    s3.object.sequencer = `0055AED6DCD90281E${i}`;
    s3.object.versionId = '096fKKXTRTtl3on89fVO.nfljtsv6qko';
  }
  return JSON.stringify(notification);
}
