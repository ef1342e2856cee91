import { z } from 'zod';
import { inputKey } from './keys.ts';

/** Our own message in the uploads queue: this picture needs an outcome. */
export const pictureReference = z.strictObject({
  schema_version: z.literal(1),
  type: z.literal('reference'),
  key: inputKey,
  /** Only this version, if it is still there; absent: whichever is current when it is read. */
  etag: z.string().min(1).optional(),
});

export type PictureReference = z.infer<typeof pictureReference>;

/** Every message of the uploads queue that we understand. */
export const uploadsMessage = z.discriminatedUnion('type', [pictureReference]);
