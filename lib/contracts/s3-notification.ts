import { z } from 'zod';

// Messages that S3 sends to the uploads queue. Only the fields that we read are described.
// Source: Amazon S3 User Guide, "Event message structure".

/** A change of an object. */
const s3NotificationRecord = z.object({
  eventSource: z.literal('aws:s3'),
  /** ObjectCreated:Put, ObjectRemoved:Delete … */
  eventName: z.string().min(1),
  s3: z.object({
    bucket: z.object({ name: z.string().min(1) }),
    object: z.object({
      /** Form-encoded: see {@link decodeFormKey}. */
      key: z.string().min(1),
      /** Without quotes. Absent if the object was removed. */
      eTag: z.string().optional(),
    }),
  }),
});

export type S3NotificationRecord = z.infer<typeof s3NotificationRecord>;

export const s3Notification = z.object({ Records: z.array(s3NotificationRecord).min(1) });

/** S3 sends this once, when the bucket's notifications are configured. */
export const s3TestEvent = z.object({ Service: z.literal('Amazon S3'), Event: z.literal('s3:TestEvent') });

/**
 * Decodes a key that S3 form-encoded, in notifications and in listings with EncodingType url: `+` is a space, `%2B` is
 * a plus, other bytes of UTF-8 are `%XX`. Undefined if the text is not encoded like this.
 */
export function decodeFormKey(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** Adds the quotes of HTTP, which notifications leave out. ETags are compared as whole texts. */
export function quotedEtag(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}
