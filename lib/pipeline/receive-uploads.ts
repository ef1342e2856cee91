import { z } from 'zod';
import { MessageError, messageText, readMessage } from '../contracts/message-text.ts';
import {
  decodeFormKey,
  quotedEtag,
  type S3NotificationRecord,
  s3Notification,
  s3TestEvent,
} from '../contracts/s3-notification.ts';
import { type PictureReference, pictureReference } from '../contracts/uploads-message.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { QueueMessage } from '../ports/queue.ts';
import type { Flow } from './consumer.ts';
import { removeOutcome } from './store-outcome.ts';

export interface ReceiveUploadsOptions {
  /** Name of the input bucket: notifications of another one are not for us. */
  bucket: string;
  input: ObjectStore;
  output: ObjectStore;
  /** Model id. */
  model: string;
  /** The flow that takes references. */
  preprocess: Flow;
}

const message = z.union([pictureReference, s3Notification, s3TestEvent]);

/** There is a (new) content to look at. A restored archive could not be read before. */
const created = /^(ObjectCreated:|ObjectRestore:Completed$)/;

const removed = /^(ObjectRemoved:|LifecycleExpiration:)/;

/**
 * The flow over an uploads queue that a bucket writes to as well: our references, S3's notifications, S3's test event.
 * A new object becomes a reference; a removed one loses its outcome under this model. Other kinds of event say nothing
 * about content and are acknowledged.
 */
export function createReceiveUploads(options: ReceiveUploadsOptions): Flow {
  const { bucket, input, output, model, preprocess } = options;

  return async (delivery, signal) => {
    const body = readMessage(delivery.body, message, 'an uploads message or a notification of S3');
    if ('Event' in body) return;
    if ('type' in body) return preprocess(delivery, signal);
    const results = await Promise.allSettled(body.Records.map((record) => change(record, delivery, signal)));
    const rejected = results.find((result) => result.status === 'rejected');
    if (rejected !== undefined) throw rejected.reason;
  };

  async function change(record: S3NotificationRecord, delivery: QueueMessage, signal?: AbortSignal): Promise<void> {
    const { object, bucket: from } = record.s3;
    if (from.name !== bucket) {
      throw new MessageError(`Expected notifications of the bucket ${bucket}, received one of ${from.name}.`);
    }
    const key = decodeFormKey(object.key);
    if (key === undefined)
      throw new MessageError(`Expected a form-encoded key, received ${JSON.stringify(object.key)}.`);
    const { eTag: etag = '' } = object;
    if (created.test(record.eventName)) {
      return refer(key, etag === '' ? undefined : quotedEtag(etag), delivery, signal);
    }
    // Notifications come late and in any order, so the bucket is asked.
    if (removed.test(record.eventName)) return removeOutcome({ input, output }, model, key);
  }

  function refer(key: string, etag: string | undefined, delivery: QueueMessage, signal?: AbortSignal): Promise<void> {
    const about = { schema_version: 1, type: 'reference', key } as const;
    const reference: PictureReference = etag === undefined ? about : { ...about, etag };
    return preprocess({ ...delivery, body: messageText(reference) }, signal);
  }
}
