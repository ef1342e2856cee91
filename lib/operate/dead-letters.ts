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
import { commandError } from './operator-error.ts';
import { queueNameOf } from './stack-queues.ts';

/** A message that ended in dead letters. */
export interface DeadLetter {
  id: string;
  body: string;
  receipt: string;
  attributes: Record<string, MessageAttributeValue> | undefined;
  /** Receives before it was given up, and the ones since. */
  receiveCount: number;
  /** Of its first sending: SQS keeps that date. */
  sentAt: Date;
  /** Name of the queue that it comes from, where SQS says. */
  sourceName: string | undefined;
}

/** For how long a message that is looked at is kept from others, seconds: a page of them takes well under a second. */
const visibilitySeconds = 300;

/**
 * Every message of a dead letter queue, a page at a time, each once. What the caller does not delete has to be
 * given back with {@link giveBack}.
 *
 * @throws {CommandError} when SQS does not give them
 */
export async function* readDeadLetters(
  client: SQSClient,
  url: string,
  signal?: AbortSignal,
): AsyncGenerator<DeadLetter[]> {
  const seen = new Set<string>();
  while (!signal?.aborted) {
    // One that comes again was held for too long: whoever goes on here would go round in circles.
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
        // Above 0: every server of the queue is asked, so that no answer means that there is none.
        WaitTimeSeconds: 1,
        VisibilityTimeout: visibilitySeconds,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp', 'DeadLetterQueueSourceArn'],
      }),
    );
    return messages.map(deadLetter);
  } catch (error) {
    throw commandError(`read the dead letters in ${queueNameOf(url)}`, error);
  }
}

function deadLetter(message: Message): DeadLetter {
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
 * Sends `letters` to the queue at `to`, then deletes them from the dead letters at `from`: whatever stops it in between,
 * a message is there once or twice and never gone. Returns how many were moved; those that SQS refused stay.
 *
 * @throws {CommandError} when SQS does not take them
 */
export async function moveBack(
  client: SQSClient,
  letters: readonly DeadLetter[],
  from: string,
  to: string,
): Promise<number> {
  let moved = 0;
  // Attributes count too; ours are short.
  const bytes = ({ body }: DeadLetter): number => utf8Length(body) + 1024;
  try {
    for (const batch of chunks(letters, bytes, { maxItems: maxChunkMessages, maxBytes: maxMessageBytes })) {
      const entries = batch.map(({ body, attributes }, i) => ({
        Id: String(i),
        MessageBody: body,
        ...(attributes && { MessageAttributes: attributes }),
      }));
      const { Successful: sent = [] } = await client.send(
        new SendMessageBatchCommand({ QueueUrl: to, Entries: entries }),
      );
      const done = sent.flatMap(({ Id }) => batch[Number(Id)] ?? []);
      await deleteLetters(client, done, from);
      moved += done.length;
      await giveBack(
        client,
        batch.filter((letter) => !done.includes(letter)),
        from,
      );
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

/** Lets others see `letters` again at once. A failure is none: they come back by themselves in five minutes. */
export async function giveBack(client: SQSClient, letters: readonly DeadLetter[], url: string): Promise<void> {
  for (const batch of chunks(letters, () => 0, { maxItems: maxChunkMessages })) {
    const Entries = batch.map(({ receipt }, i) => ({ Id: String(i), ReceiptHandle: receipt, VisibilityTimeout: 0 }));
    await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries })).catch(() => {});
  }
}
