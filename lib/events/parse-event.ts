import { z } from 'zod';
import { MessageError, readMessage } from '../contracts/message-text.ts';

// What a consumer can rely on. Later versions may add fields, types and failure codes, so this is wider than what we
// publish (lib/contracts/event.ts).

const about = {
  type: z.literal('result'),
  /** Version of the event; events of igpt 0.1 have none. */
  schema_version: z.int().default(1),
  /** Key of the picture. */
  key: z.string(),
  /** ETag of the picture. */
  etag: z.string(),
  /** Id of the model. */
  model: z.string(),
  /** Key of the outcome in the output bucket. */
  result_key: z.string(),
};

/** A new outcome. */
const resultEvent = z.discriminatedUnion('status', [
  z.object({
    ...about,
    status: z.literal('succeeded'),
    /** The most probable class. Both are null if there is no classification. */
    label: z.string().nullable(),
    probability: z.number().nullable(),
  }),
  z.object({ ...about, status: z.literal('failed'), error: z.object({ code: z.string(), message: z.string() }) }),
]);

/** A data-set job is done: all its shards are stored. */
const batchEvent = z.object({
  type: z.literal('batch'),
  schema_version: z.int().default(1),
  /** Id of the job. */
  job: z.string(),
  model: z.string(),
  /** Place of the shards, `s3://bucket/prefix`. */
  place: z.string(),
  shards: z.number(),
  pictures: z.number(),
  succeeded: z.number(),
  failed: z.number(),
  /** Pictures by error code. */
  failures: z.record(z.string(), z.number()),
});

const knownEvent = z.union([resultEvent, batchEvent]);
const anyEvent = z.looseObject({ type: z.string() });

/** Events travel in one of these when the topic does not deliver them raw, or a bus delivers them. */
const envelope = z.union([
  // Source: Amazon SNS Developer Guide, "Parsing Amazon SNS message formats".
  z.object({ Type: z.literal('Notification'), Message: z.string() }).transform(({ Message }) => Message),
  // Source: Amazon EventBridge User Guide, "Structure of events".
  z.object({ source: z.literal('image-gpt'), detail: z.unknown() }).transform(({ detail }) => JSON.stringify(detail)),
]);

export type ResultEvent = z.infer<typeof resultEvent>;
export type BatchEvent = z.infer<typeof batchEvent>;

/** An event of a type or a form that this version does not know. */
export interface OtherEvent {
  type: 'other';
  /** As it was published. */
  original: Readonly<Record<string, unknown>>;
}

export type Event = ResultEvent | BatchEvent | OtherEvent;

/**
 * Parses the body of a queue message: an event as the topic publishes it, or in the envelope of SNS or EventBridge. What a
 * later version adds is accepted: unknown fields are left out, and an unknown event is an {@link OtherEvent}.
 *
 * @throws {MessageError} when the body is no event at all
 */
export function parseEvent(body: string): Event {
  const original = readMessage(body, z.looseObject({}), 'an event of Image GPT');
  const enveloped = envelope.safeParse(original);
  if (enveloped.success) return parseEvent(enveloped.data);
  const known = knownEvent.safeParse(original);
  if (known.success) return known.data;
  if (anyEvent.safeParse(original).success) return { type: 'other', original };
  throw new MessageError('Expected an event of Image GPT, received JSON without a type.');
}
