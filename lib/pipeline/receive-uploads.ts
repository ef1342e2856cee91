import { z } from 'zod';
import { inputKey } from '../contracts/keys.ts';
import { MessageError, readMessage } from '../contracts/message-text.ts';
import {
  decodeFormKey,
  quotedEtag,
  type S3NotificationRecord,
  s3Notification,
  s3TestEvent,
} from '../contracts/s3-notification.ts';
import { pictureReference, uploadsMessage } from '../contracts/uploads-message.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { QueueMessage } from '../ports/queue.ts';
import type { Flow } from './consumer.ts';
import type { Preprocess } from './preprocess.ts';
import { removeOutcome } from './store-outcome.ts';

export interface ReceiveUploadsOptions {
  preprocess: Preprocess;
  /** The input bucket, if it notifies the queue as well. Default: the queue holds references only. */
  bucketEvents?: BucketEvents;
}

/** What notifications of the input bucket need. */
interface BucketEvents {
  /** Name of the input bucket. A notification of another bucket is refused. */
  bucket: string;
  input: ObjectStore;
  output: ObjectStore;
  /** Model id. */
  model: string;
}

const bucketMessage = z.union([pictureReference, s3Notification, s3TestEvent]);

/** The object has new content. A restored archive could not be read before. */
const created = /^(ObjectCreated:|ObjectRestore:Completed$)/;

const removed = /^(ObjectRemoved:|LifecycleExpiration:)/;

/**
 * The flow over an uploads queue: the only place that parses its messages. They are references, and with `bucketEvents`
 * also S3 notifications and S3's test event.
 *
 * A reference or a new object goes to preprocess. A removed object loses its outcome under this model. Other events do
 * not concern content and are acknowledged. Dead-lettered: a body that is none of these, or names another bucket
 * ({@link MessageError}).
 */
export function createReceiveUploads({ preprocess, bucketEvents }: ReceiveUploadsOptions): Flow {
  if (bucketEvents === undefined) {
    return async (message, signal) =>
      preprocess(readMessage(message.body, uploadsMessage, 'an uploads message'), message, signal);
  }
  const { bucket, input, output, model } = bucketEvents;

  return async (message, signal) => {
    const body = readMessage(message.body, bucketMessage, 'an uploads message or a notification of S3');
    if ('Event' in body) return;
    if ('type' in body) return preprocess(body, message, signal);
    const results = await Promise.allSettled(body.Records.map((record) => handleRecord(record, message, signal)));
    const rejected = results.find((result) => result.status === 'rejected');
    if (rejected !== undefined) throw rejected.reason;
  };

  async function handleRecord(
    { eventName, s3 }: S3NotificationRecord,
    message: QueueMessage,
    signal?: AbortSignal,
  ): Promise<void> {
    if (s3.bucket.name !== bucket) {
      throw new MessageError(`Expected notifications of the bucket ${bucket}, received one of ${s3.bucket.name}.`);
    }
    const { key: encoded, eTag: etag = '' } = s3.object;
    const { data: key } = inputKey.safeParse(decodeFormKey(encoded));
    if (key === undefined) {
      throw new MessageError(`Expected a form-encoded key of 1 to 1,024 bytes, received ${JSON.stringify(encoded)}.`);
    }
    if (created.test(eventName)) {
      return preprocess({ key, etag: etag === '' ? undefined : quotedEtag(etag) }, message, signal);
    }
    // Notifications arrive late and in any order, so removeOutcome asks the bucket.
    if (removed.test(eventName)) return removeOutcome({ input, output }, model, key);
  }
}
