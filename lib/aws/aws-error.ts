import { AccessDeniedError, ImageGptError, TransientError } from '../ports/error.ts';

/** AWS refused a request, and a retry would not help: a missing bucket, a malformed request. */
export class AwsError extends ImageGptError {}

/**
 * S3 or a bucket's KMS key denies what a process must do. Transient, because somebody may fix the policy; the log names
 * bucket and action.
 */
export class StorageDeniedError extends AccessDeniedError {
  readonly bucket: string;
  /** IAM's name: `s3:PutObject`. */
  readonly action: string;

  constructor(message: string, { bucket, action, cause }: { bucket: string; action: string; cause: unknown }) {
    super('storage_denied', message, { cause });
    this.bucket = bucket;
    this.action = action;
  }
}

/** Errors with status 400 that a retry may fix. Source: the services' API references, "Common Errors". */
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

/** 403: somebody may fix the policy or the credentials. 408: timeout. 409: another writer. 429: throttling. */
const transientStatuses = [403, 408, 409, 429];

/** The error's name as the service gives it: NoSuchKey, SlowDown … */
export function awsErrorName(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}

/** The one 403 that is about the object that was asked for. The others are about the credentials. */
const accessDenied = 'AccessDenied';

/** HTTP status of the response; undefined when there was none. */
export function awsErrorStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined;
  const { $metadata: metadata } = error;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

/**
 * Classifies the error of an SDK call, which the SDK has already retried. These are transient: no response (a reset, a
 * timeout), throttling, 5xx and access denied. `action` completes "Expected to …".
 */
export function awsError(action: string, cause: unknown): TransientError | AwsError {
  const name = awsErrorName(cause);
  const status = awsErrorStatus(cause);
  const received = status === undefined ? `no answer (${name})` : `${name} (HTTP ${status})`;
  const message = `Expected to ${action}, received ${received}.`;
  if (status === 403 && name === accessDenied) return new AccessDeniedError('aws_denied', message, { cause });
  const transient =
    status === undefined || status >= 500 || transientStatuses.includes(status) || transientNames.includes(name);
  return transient
    ? new TransientError('aws_unavailable', message, { cause })
    : new AwsError('aws_refused', message, { cause });
}

/** Beginnings of S3's error names for a key that is disabled, pending deletion or missing. They have status 400. */
const keyErrors = /^KMS\.(Disabled|KMSInvalidState|NotFound|AccessDenied|InvalidKeyUsage)/;

/**
 * Classifies the error of a call of S3 as {@link awsError} does, but names a denial. `action` completes "Expected to …".
 * Source of the KMS names: Amazon S3 passes on those of AWS KMS, with `KMS.` before them (aws/aws-cli#4507,
 * localstack/localstack#8422).
 */
export function storageError(
  action: string,
  call: { bucket: string; action: string },
  cause: unknown,
): TransientError | AwsError {
  const error = awsError(action, cause);
  const denied = error instanceof AccessDeniedError || keyErrors.test(awsErrorName(cause));
  return denied ? new StorageDeniedError(error.message, { ...call, cause }) : error;
}
