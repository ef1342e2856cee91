/**
 * Base of every error that we expect. Callers branch on `code`, never on the text; the message says what was
 * expected, what came and, where there is something to do, what to do next.
 */
export class ImageGptError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Every reason for which a picture ends without a result. */
export const failureCodes = [
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
] as const;

export type FailureCode = (typeof failureCodes)[number];

/** Something is wrong with the picture itself: it becomes a failed outcome, never a retry. */
export class PictureError extends ImageGptError {
  declare readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** The world failed, not the picture: throttling, a broken connection, a conflict. A retry may succeed. */
export class TransientError extends ImageGptError {}

/** Code of an error of the system or of a library (ENOENT, EACCES …); undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The command line itself is wrong: nothing was started, and the command exits with 2. */
export class UsageError extends ImageGptError {
  constructor(message: string, options?: ErrorOptions) {
    super('usage', message, options);
  }
}
