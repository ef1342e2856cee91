import { z } from 'zod';

/** Every reason for which a picture ends without a result. */
export const failureCode = z.enum([
  'empty_object',
  'unsupported_format',
  'corrupt_image',
  'image_too_large',
  'decode_timeout',
  'decode_crashed',
  'archived',
  'access_denied',
  'inference_failed',
  'internal_error',
]);

export type FailureCode = z.infer<typeof failureCode>;

/** Why a picture failed. `message` is for people and never holds a path of the machine. */
export const failure = z.strictObject({ code: failureCode, message: z.string() });

export type Failure = z.infer<typeof failure>;
