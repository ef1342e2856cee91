import { z } from 'zod';
import { inputKey } from './keys.ts';
import { pictureFacts } from './outcome.ts';

/** One picture as colour tokens. */
const tokensPicture = z.strictObject({
  key: inputKey,
  /** ETag of the version that was decoded. */
  etag: z.string().min(1),
  image: pictureFacts,
  /** n packed tokens of ceil(log2 V) bits each, in base64. */
  tokens: z.base64().min(1),
});

export type TokensPicture = z.infer<typeof tokensPicture>;

/** A message of the tokens queue: pictures with the same preprocessing. */
export const tokensMessage = z.strictObject({
  schema_version: z.literal(1),
  /** Hash of palette, resolution and recipe. A worker with another hash sends the pictures back. */
  preprocessing: z.string().regex(/^[0-9a-f]{16,64}$/),
  pictures: z.array(tokensPicture).min(1),
});

export type TokensMessage = z.infer<typeof tokensMessage>;
