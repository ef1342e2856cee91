import { fork } from 'node:child_process';
import { once } from 'node:events';
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SqsBatchResponse, SqsEvent } from '../../lib/aws/lambda-delivery.ts';

export interface LambdaOptions {
  sqs: SQSClient;
  /** Of the event source mapping. */
  queueUrl: string;
  queueArn: string;
  /** The function's, and nothing else. */
  environment: Record<string, string>;
  /** The function's time limit. Default 60 s. */
  timeoutMs?: number;
  /** Folder of a bundle, which is run instead of the source. */
  bundle?: string;
}

export interface Lambda {
  /** Message ids that a response named, every time. */
  failures: string[];
  /** Errors of whole invocations. */
  errors: string[];
  /** What the process printed, line by line. */
  lines(): string[];
  /** Receives nothing more, finishes the invocation, ends the process. */
  stop(): Promise<void>;
  /** Ends the process at once, in the middle of whatever it does. */
  kill(): Promise<void>;
}

/** A batch as the event source mapping gathers it: up to 100 messages. */
const batchSize = 100;

/**
 * The preprocess function in a process of its own, and the event source mapping in front of it: batches, and deletion of
 * all messages but those that the response names (ReportBatchItemFailures).
 */
export function startLambda(options: LambdaOptions): Lambda {
  const { sqs, queueUrl, queueArn, environment, timeoutMs = 60_000, bundle } = options;
  const { PATH: path = '' } = process.env;
  const ofSource = new URL('./lambda-runtime.ts', import.meta.url);
  const ofBundle = new URL('./bundle-runtime.js', import.meta.url);
  const child = fork(bundle === undefined ? ofSource : ofBundle, {
    ...(bundle === undefined ? {} : { cwd: bundle }),
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

  async function gather(): Promise<Message[]> {
    const batch: Message[] = [];
    while (batch.length < batchSize) {
      const { Messages: messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: batch.length === 0 ? 1 : 0,
          MessageSystemAttributeNames: ['All'],
        }),
      );
      if (messages.length === 0) break;
      batch.push(...messages);
    }
    return batch;
  }

  async function invoke(batch: Message[]): Promise<SqsBatchResponse | undefined> {
    const records = batch.map(({ MessageId = '', ReceiptHandle = '', Body = '', Attributes = {} }) => ({
      messageId: MessageId,
      receiptHandle: ReceiptHandle,
      body: withWhatMotoLacks(Body),
      attributes: {
        ApproximateReceiveCount: Attributes.ApproximateReceiveCount ?? '',
        SentTimestamp: Attributes.SentTimestamp ?? '',
      },
      eventSource: 'aws:sqs',
      eventSourceARN: queueArn,
    }));
    const event: SqsEvent = { Records: records };
    // Killed while the batch was gathered: the messages come again.
    if (!child.connected) return undefined;
    child.send({ event, timeoutMs });
    const answer = await Promise.race([
      once(child, 'message').then(([message]) => message),
      exited.then(() => undefined),
    ]);
    if (answer === undefined) return undefined;
    if (answer.error !== undefined) errors.push(answer.error);
    return answer.response;
  }

  async function poll(): Promise<void> {
    while (!stopping) {
      const batch = await gather();
      if (batch.length === 0) continue;
      const response = await invoke(batch);
      if (response === undefined) continue;
      const failed = response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
      failures.push(...failed);
      const done = batch.filter(({ MessageId = '' }) => !failed.includes(MessageId));
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
    lines: () => printed.split('\n').filter((line) => line !== ''),
    async stop() {
      stopping = true;
      await polling;
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

/** S3's notifications also tell an order of the changes of a key, and the version; moto's don't. */
function withWhatMotoLacks(body: string): string {
  if (!body.includes('"aws:s3"')) return body;
  const notification = JSON.parse(body);
  for (const [i, { s3 }] of notification.Records.entries()) {
    s3.object.sequencer = `0055AED6DCD90281E${i}`;
    s3.object.versionId = '096fKKXTRTtl3on89fVO.nfljtsv6qko';
  }
  return JSON.stringify(notification);
}
