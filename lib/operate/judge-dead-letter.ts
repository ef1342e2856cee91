import { z } from 'zod';
import { pipelineEvent } from '../contracts/event.ts';
import { MessageError, readMessage } from '../contracts/message-text.ts';
import { decodeFormKey, s3Notification, s3TestEvent } from '../contracts/s3-notification.ts';
import { tokensMessage } from '../contracts/tokens-message.ts';
import { pictureReference } from '../contracts/uploads-message.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { DeadLetterName } from './stack-queues.ts';

/** Which pictures a dead letter concerns, and why it was dead-lettered. */
export type Judgement =
  /** A retry may succeed. */
  | { readable: true; why: string; keys: string[] }
  /** No consumer can parse it, so a retry would fail again. */
  | { readable: false; why: string };

const uploads = z.union([pictureReference, s3Notification, s3TestEvent]);

/** @param bucket name of the input bucket; notifications of other buckets are unreadable */
export function judgeDeadLetter(queue: DeadLetterName, letter: DeadLetter, bucket: string): Judgement {
  try {
    return { readable: true, why: causeOf(queue, letter), keys: keysOf(queue, letter.body, bucket) };
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return { readable: false, why: error.message.replace(/\.$/, '') };
  }
}

function keysOf(queue: DeadLetterName, body: string, bucket: string): string[] {
  switch (queue) {
    case 'tokens':
      return readMessage(body, tokensMessage, 'a tokens message').pictures.map(({ key }) => key);
    case 'result-events': {
      const event = readMessage(body, pipelineEvent, 'a result event');
      return event.type === 'result' ? [event.key] : [];
    }
    case 'uploads':
      return uploadKeys(body, bucket);
  }
}

function uploadKeys(body: string, bucket: string): string[] {
  const message = readMessage(body, uploads, 'an uploads message or an S3 notification');
  if ('type' in message) return [message.key];
  if ('Event' in message) return [];
  return message.Records.map(({ s3 }) => {
    if (s3.bucket.name !== bucket) {
      throw new MessageError(`Expected a notification of the bucket ${bucket}, received one of ${s3.bucket.name}.`);
    }
    const key = decodeFormKey(s3.object.key);
    if (key === undefined) throw new MessageError('Expected a form-encoded key, received one that cannot be decoded.');
    return key;
  });
}

const causes: Record<DeadLetterName, string> = {
  uploads: 'preprocess failed five times: it crashed, timed out, or could not read, send or store (see its log)',
  tokens:
    'the worker failed five times: it crashed, ran out of memory, was stopped, or could not store or publish (see its log)',
  'result-events': 'SNS could not deliver it',
};

function causeOf(queue: DeadLetterName, { attributes }: DeadLetter): string {
  // SNS adds its reason as an attribute. Source: Amazon SNS Developer Guide, "Dead-letter queues".
  const { ErrorMessage: sns } = attributes ?? {};
  return sns?.StringValue === undefined ? causes[queue] : `${causes[queue]}: ${sns.StringValue}`;
}

/** Dead letters of one queue with the same cause. */
export interface LetterGroup {
  queue: DeadLetterName;
  readable: boolean;
  why: string;
  messages: number;
  pictures: number;
  /** Highest receive count of a message. */
  receives: number;
  /** When the first and the last message were sent. */
  first: Date;
  last: Date;
  /** Keys of pictures, or the first characters of unreadable bodies. */
  examples: string[];
}

/** Examples per group. */
const maxExamples = 3;

/** Shown characters of an unreadable body: enough to recognise it. */
const excerptLength = 80;

export interface LetterGroups {
  add(queue: DeadLetterName, letter: DeadLetter, judgement: Judgement): void;
  /** Readable groups first, then by number of messages. */
  list(): LetterGroup[];
}

export function createLetterGroups(): LetterGroups {
  const groups = new Map<string, LetterGroup>();
  return {
    add(queue, { body, receiveCount, sentAt }, judgement) {
      const { readable, why } = judgement;
      const id = JSON.stringify([queue, readable, why]);
      const group = groups.get(id) ?? {
        queue,
        readable,
        why,
        messages: 0,
        pictures: 0,
        receives: 0,
        first: sentAt,
        last: sentAt,
        examples: [],
      };
      const examples = judgement.readable ? judgement.keys : [body.slice(0, excerptLength)];
      group.messages++;
      group.pictures += judgement.readable ? judgement.keys.length : 0;
      group.receives = Math.max(group.receives, receiveCount);
      if (sentAt < group.first) group.first = sentAt;
      if (sentAt > group.last) group.last = sentAt;
      group.examples.push(...examples.slice(0, maxExamples - group.examples.length));
      groups.set(id, group);
    },
    list: () =>
      [...groups.values()].toSorted(
        (a, b) => Number(b.readable) - Number(a.readable) || b.messages - a.messages || (a.why < b.why ? -1 : 1),
      ),
  };
}
