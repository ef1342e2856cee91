import { z } from 'zod';
import { pipelineEvent } from '../contracts/event.ts';
import { MessageError, readMessage } from '../contracts/message-text.ts';
import { decodeFormKey, s3Notification, s3TestEvent } from '../contracts/s3-notification.ts';
import { tokensMessage } from '../contracts/tokens-message.ts';
import { pictureReference } from '../contracts/uploads-message.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { DeadLetterName } from './stack-queues.ts';

/** What a dead letter is about, and why it is one. */
export type Judgement =
  /** It can be tried again. */
  | { readable: true; why: string; keys: string[] }
  /** It would only come back: nobody understands it. */
  | { readable: false; why: string };

const uploads = z.union([pictureReference, s3Notification, s3TestEvent]);

/** @param bucket name of the input bucket: notifications of another one are not for this stack */
export function judgeDeadLetter(queue: DeadLetterName, letter: DeadLetter, bucket: string): Judgement {
  try {
    return { readable: true, why: whyGivenUp(queue, letter), keys: keysOf(queue, letter.body, bucket) };
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
  const message = readMessage(body, uploads, 'an uploads message or a notification of S3');
  if ('type' in message) return [message.key];
  if ('Event' in message) return [];
  return message.Records.map(({ s3 }) => {
    if (s3.bucket.name !== bucket) {
      throw new MessageError(`Expected notifications of the bucket ${bucket}, received one of ${s3.bucket.name}.`);
    }
    const key = decodeFormKey(s3.object.key);
    if (key === undefined) throw new MessageError('Expected a form-encoded key, received another.');
    return key;
  });
}

const reasons: Record<DeadLetterName, string> = {
  uploads: 'given up: preprocess crashed, ran out of time, or could not read, send or store (its log says why)',
  tokens:
    'given up: the worker crashed, ran out of memory, was ended too often, or could not store or publish (its log says why)',
  'result-events': 'SNS could not deliver it',
};

function whyGivenUp(queue: DeadLetterName, { attributes }: DeadLetter): string {
  // SNS says itself why it gave up. Source: Amazon SNS Developer Guide, "Dead-letter queues".
  const { ErrorMessage: sns } = attributes ?? {};
  return sns?.StringValue === undefined ? reasons[queue] : `${reasons[queue]}: ${sns.StringValue}`;
}

/** Dead letters of one kind. */
export interface LetterGroup {
  queue: DeadLetterName;
  readable: boolean;
  why: string;
  messages: number;
  pictures: number;
  /** Most receives of one of them. */
  receives: number;
  /** When the first and the last of them were sent. */
  first: Date;
  last: Date;
  /** Keys of pictures, or the beginnings of bodies that nobody understands. */
  examples: string[];
}

const examplesKept = 3;

/** Enough of a body to see what it is. */
const excerptLength = 80;

export interface LetterGroups {
  add(queue: DeadLetterName, letter: DeadLetter, judgement: Judgement): void;
  /** Unreadable ones last, the most frequent first. */
  list(): LetterGroup[];
}

export function createLetterGroups(): LetterGroups {
  const groups = new Map<string, LetterGroup>();
  return {
    add(queue, { body, receiveCount, sentAt }, judgement) {
      const { readable, why } = judgement;
      const id = JSON.stringify([queue, readable, why]);
      const group = groups.get(id) ?? {
        ...{ queue, readable, why, messages: 0, pictures: 0, receives: 0, first: sentAt, last: sentAt, examples: [] },
      };
      const about = judgement.readable ? judgement.keys : [body.slice(0, excerptLength)];
      group.messages++;
      group.pictures += judgement.readable ? judgement.keys.length : 0;
      group.receives = Math.max(group.receives, receiveCount);
      if (sentAt < group.first) group.first = sentAt;
      if (sentAt > group.last) group.last = sentAt;
      group.examples.push(...about.slice(0, examplesKept - group.examples.length));
      groups.set(id, group);
    },
    list: () =>
      [...groups.values()].toSorted(
        (a, b) => Number(b.readable) - Number(a.readable) || b.messages - a.messages || (a.why < b.why ? -1 : 1),
      ),
  };
}
