/**
 * Base of every expected error. Callers branch on `code`, never on the text. The message says what was expected, what
 * was received and what to do.
 */
export class ImageGptError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Why a picture can fail. */
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

/** The picture itself is at fault. It gets a failed outcome and is not retried. */
export class PictureError extends ImageGptError {
  declare readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** Not the picture's fault: throttling, a broken connection, a conflict. A retry may succeed. */
export class TransientError extends ImageGptError {}

/** The store denies access to one object. Somebody may permit it, so a retry may succeed. */
export class AccessDeniedError extends TransientError {}

/**
 * The machine or the installation is at fault, never a picture: a program or a library does not start, or the system's
 * limits are too low. No picture gets a failed outcome for it.
 */
export class InstallationError extends ImageGptError {}

/** Code of an error of the system or of a library (ENOENT, EACCES …); undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The command line is wrong. Nothing was started, and the command exits with 2. */
export class UsageError extends ImageGptError {
  constructor(message: string, options?: ErrorOptions) {
    super('usage', message, options);
  }
}
