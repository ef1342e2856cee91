import { z } from 'zod';

// What S3 puts into the uploads queue. Only what we read is described; the rest is S3's to change.
// Source: Amazon S3 User Guide, "Event message structure".

/** One change of an object. */
const s3NotificationRecord = z.object({
  eventSource: z.literal('aws:s3'),
  /** ObjectCreated:Put, ObjectRemoved:Delete … */
  eventName: z.string().min(1),
  s3: z.object({
    bucket: z.object({ name: z.string().min(1) }),
    object: z.object({
      /** Form-encoded: see {@link decodeFormKey}. */
      key: z.string().min(1),
      /** Without quotes; absent when the object was removed. */
      eTag: z.string().optional(),
    }),
  }),
});

export type S3NotificationRecord = z.infer<typeof s3NotificationRecord>;

export const s3Notification = z.object({ Records: z.array(s3NotificationRecord).min(1) });

/** Sent once when the bucket's notifications are set up. */
export const s3TestEvent = z.object({ Service: z.literal('Amazon S3'), Event: z.literal('s3:TestEvent') });

/**
 * The key that S3 has form-encoded, in notifications and in listings with EncodingType url: `+` is a space, `%2B` a
 * plus, anything else `%XX` of its UTF-8 bytes. Undefined when it is no such text.
 */
export function decodeFormKey(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** ETags are compared as a whole, so they all have the quotes that HTTP gives them; notifications leave those out. */
export function quotedEtag(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}
