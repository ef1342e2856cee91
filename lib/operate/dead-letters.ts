import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { chunks } from '../aws/chunks.ts';
import { utf8Length } from '../contracts/key-order.ts';
import { maxChunkMessages, maxMessageBytes } from '../contracts/limits.ts';
import { commandError } from './command-error.ts';
import { queueNameOf } from './stack-queues.ts';

/** A message in a dead-letter queue. */
export interface DeadLetter {
  id: string;
  body: string;
  receipt: string;
  attributes: Record<string, MessageAttributeValue> | undefined;
  /** How often it was received, before and after it was dead-lettered. */
  receiveCount: number;
  /** When it was first sent; SQS keeps this date when it moves a message. */
  sentAt: Date;
  /** Name of the queue that it comes from; undefined if SQS does not say. */
  sourceName: string | undefined;
}

/** How long a received message is hidden from other consumers (seconds). A page takes well under a second. */
const visibilitySeconds = 300;

/**
 * Every message of a dead-letter queue, once, page by page. The caller deletes each message or returns it with
 * {@link giveBack}.
 *
 * @throws {CommandError} when messages cannot be received
 */
export async function* readDeadLetters(
  client: SQSClient,
  url: string,
  signal?: AbortSignal,
): AsyncGenerator<DeadLetter[]> {
  const seen = new Set<string>();
  while (!signal?.aborted) {
    // A message that is held too long is received again. Without this check the loop would never end.
    const letters = (await receive(client, url)).filter(({ id }) => !seen.has(id));
    if (letters.length === 0) return;
    for (const { id } of letters) seen.add(id);
    yield letters;
  }
}

async function receive(client: SQSClient, url: string): Promise<DeadLetter[]> {
  try {
    const { Messages: messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: maxChunkMessages,
        // Above 0, SQS asks all its servers, so an empty response means an empty queue.
        WaitTimeSeconds: 1,
        VisibilityTimeout: visibilitySeconds,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp', 'DeadLetterQueueSourceArn'],
      }),
    );
    return messages.map(parseLetter);
  } catch (error) {
    throw commandError(`read the dead-letter queue ${queueNameOf(url)}`, error);
  }
}

function parseLetter(message: Message): DeadLetter {
  const { MessageId: id = '', Body: body = '', ReceiptHandle: receipt = '', Attributes: system = {} } = message;
  return {
    id,
    body,
    receipt,
    attributes: message.MessageAttributes,
    receiveCount: Number(system.ApproximateReceiveCount ?? 0),
    sentAt: new Date(Number(system.SentTimestamp ?? 0)),
    sourceName: system.DeadLetterQueueSourceArn?.split(':').at(-1),
  };
}

/**
 * Sends `letters` to the queue at `to`, then deletes them from the dead-letter queue at `from`. If it is interrupted in
 * between, a message exists twice, but none is lost. Returns how many were moved; those that SQS refuses stay.
 *
 * @throws {CommandError} when a request to SQS fails
 */
export async function moveBack(
  client: SQSClient,
  letters: readonly DeadLetter[],
  from: string,
  to: string,
): Promise<number> {
  let moved = 0;
  // SQS counts the attributes too. Ours are short: 1 KiB is more than enough.
  const bytes = ({ body }: DeadLetter): number => utf8Length(body) + 1024;
  try {
    for (const chunk of chunks(letters, bytes, { maxItems: maxChunkMessages, maxBytes: maxMessageBytes })) {
      const entries = chunk.map(({ body, attributes }, i) => ({
        Id: String(i),
        MessageBody: body,
        MessageAttributes: attributes,
      }));
      const { Successful: sent = [] } = await client.send(
        new SendMessageBatchCommand({ QueueUrl: to, Entries: entries }),
      );
      const done = sent.flatMap(({ Id }) => chunk[Number(Id)] ?? []);
      await deleteLetters(client, done, from);
      moved += done.length;
      const refused = chunk.filter((letter) => !done.includes(letter));
      await giveBack(client, refused, from);
    }
  } catch (error) {
    throw commandError(`move messages to ${queueNameOf(to)}`, error);
  }
  return moved;
}

async function deleteLetters(client: SQSClient, letters: readonly DeadLetter[], url: string): Promise<void> {
  if (letters.length === 0) return;
  const Entries = letters.map(({ receipt }, i) => ({ Id: String(i), ReceiptHandle: receipt }));
  await client.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }));
}

/** Makes `letters` visible to other consumers again. Failures are ignored: the visibility timeout does the same. */
export async function giveBack(client: SQSClient, letters: readonly DeadLetter[], url: string): Promise<void> {
  for (const chunk of chunks(letters, () => 0, { maxItems: maxChunkMessages })) {
    const Entries = chunk.map(({ receipt }, i) => ({ Id: String(i), ReceiptHandle: receipt, VisibilityTimeout: 0 }));
    await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries })).catch(() => {});
  }
}
