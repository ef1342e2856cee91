import { awsErrorName, awsErrorStatus } from '../aws/aws-error.ts';
import { errorCode, ImageGptError } from '../ports/error.ts';

/** Why AWS did not do what a verb asked for. */
type CommandErrorCode =
  | 'no_credentials'
  | 'credentials_expired'
  | 'credentials_refused'
  | 'no_region'
  | 'access_denied'
  | 'clock_skewed'
  | 'unreachable'
  | 'aws_refused';

/** AWS did not do what a verb asked for. The message says what to do. */
class CommandError extends ImageGptError {
  declare readonly code: CommandErrorCode;

  constructor(code: CommandErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

// The services have several names for one error. Source: their API references, "Common Errors".
const expired = ['ExpiredToken', 'ExpiredTokenException', 'RequestExpired'];
const refused = [
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'UnrecognizedClient',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
  'IncompleteSignature',
  'MissingAuthenticationToken',
  'AuthFailure',
  'OptInRequired',
];
const denied = ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'AuthorizationError'];
const skewed = ['RequestTimeTooSkewed', 'RequestInTheFuture'];

/**
 * Explains an error of an SDK call in one line for a terminal. Returns our own errors unchanged, except those whose cause
 * is an SDK error.
 *
 * @param action completes "could not …"
 * @throws the error itself when it is a defect of ours
 */
export function commandError(action: string, error: unknown): ImageGptError {
  if (error instanceof CommandError) return error;
  const cause = error instanceof ImageGptError && isSdkError(error.cause) ? error.cause : error;
  if (cause instanceof ImageGptError) return cause;
  // A defect must not look like a network failure.
  if (cause instanceof TypeError || cause instanceof RangeError || cause instanceof ReferenceError) throw cause;
  const name = awsErrorName(cause);
  const status = awsErrorStatus(cause);
  const text = textOf(cause);
  const fail = (code: CommandErrorCode, why: string): CommandError =>
    new CommandError(code, `could not ${action}: ${why}`, { cause: error });

  // The SDK says "not accepted" when the region is set but empty.
  if (/region (is missing|not accepted)/i.test(text)) {
    return fail('no_region', 'no region is set; give --region, or set AWS_REGION or the profile’s region');
  }
  if (expired.includes(name) || /\b(token|session|credentials?)\b.*\bexpired\b/i.test(text)) {
    return fail('credentials_expired', 'the credentials have expired; sign in again (for instance aws sso login)');
  }
  if (/^(CredentialsProviderError|ProviderError|TokenProviderError)$/.test(name)) {
    return fail(
      'no_credentials',
      `no usable credentials were found (${text}); set AWS_PROFILE, or sign in (for instance aws sso login)`,
    );
  }
  if (skewed.includes(name)) return fail('clock_skewed', 'the clock of this machine is wrong; set it and try again');
  if (refused.includes(name)) {
    return fail(
      'credentials_refused',
      `AWS does not accept these credentials (${name}); check AWS_PROFILE or the keys`,
    );
  }
  if (denied.includes(name))
    return fail(
      'access_denied',
      `these credentials lack the permission (${text}); see Permissions in docs/aws-operate.md`,
    );
  if (status === undefined) {
    return fail('unreachable', `AWS does not answer (${errorCode(cause) ?? name}); ${whatToCheck()}`);
  }
  // The SDK cannot parse the answer, which is then a page of a proxy or a load balancer.
  if (name === 'SyntaxError')
    return fail('unreachable', `the answer is not from AWS (HTTP ${status}); ${whatToCheck()}`);
  return fail('aws_refused', `${name} (HTTP ${status}), ${text}`);
}

function whatToCheck(): string {
  const { AWS_ENDPOINT_URL: endpoint = '' } = process.env;
  if (endpoint !== '') return `AWS_ENDPOINT_URL is ${endpoint}: check that a server runs there`;
  return 'check the network, the proxy, and that the region exists';
}

/** Any error that is not ours comes from the SDK or from below it. */
function isSdkError(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof ImageGptError);
}

/** One line, without a final full stop. */
function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message || innermost(error) : String(error);
  return text.replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '');
}

/** Node throws an AggregateError without a message when no address of a host answers. */
function innermost(error: Error): string {
  const [first] = error instanceof AggregateError ? error.errors : [];
  return first instanceof Error ? first.message : error.name;
}
