import { ImageGptError, TransientError } from '../ports/error.ts';

/** AWS refused what we asked for, and would refuse it again: a bucket that isn't there, a malformed request. */
export class AwsError extends ImageGptError {}

/** Errors with status 400 that a retry may cure. Source: the services' API references, "Common Errors". */
const transientNames = [
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'KMSThrottling',
  'KmsThrottled',
  'OverLimit',
  'RequestTimeout',
  'ExpiredToken',
  'ExpiredTokenException',
];

/** 403: a policy or credentials that may be mended. 409: another writer. 408 and 429: later. */
const transientStatuses = [403, 408, 409, 429];

/** The error's name in the service's words: NoSuchKey, SlowDown … */
export function awsErrorName(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}

/** HTTP status of the answer; undefined when there was none. */
export function awsErrorStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined;
  const { $metadata: metadata } = error;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

/**
 * What an SDK call's error means to a flow. No answer at all (a reset, a timeout), throttling, 5xx, and what is denied
 * are transient; the SDK has retried by then. `action` completes "Expected to …".
 */
export function awsError(action: string, cause: unknown): TransientError | AwsError {
  const name = awsErrorName(cause);
  const status = awsErrorStatus(cause);
  const came = status === undefined ? `no answer (${name})` : `${name} (HTTP ${status})`;
  const message = `Expected to ${action}, received ${came}.`;
  const transient =
    status === undefined || status >= 500 || transientStatuses.includes(status) || transientNames.includes(name);
  return transient
    ? new TransientError('aws_unavailable', message, { cause })
    : new AwsError('aws_refused', message, { cause });
}
