import { z } from 'zod';
import { inputKey } from './keys.ts';

/** Our own message in the uploads queue: a picture that needs an outcome. */
export const pictureReference = z.strictObject({
  schema_version: z.literal(1),
  type: z.literal('reference'),
  key: inputKey,
  /** Process only this version. Absent: the version that is current when the message is read. */
  etag: z.string().min(1).optional(),
});

export type PictureReference = z.infer<typeof pictureReference>;

/** Every message of our own in the uploads queue. */
export const uploadsMessage = z.discriminatedUnion('type', [pictureReference]);
