import { awsErrorName, awsErrorStatus } from '../aws/aws-error.ts';
import { ImageGptError } from '../ports/error.ts';

/** Why a command could not speak to AWS. */
type CommandErrorCode =
  | 'no_credentials'
  | 'credentials_expired'
  | 'credentials_refused'
  | 'no_region'
  | 'access_denied'
  | 'clock_skewed'
  | 'unreachable'
  | 'aws_refused';

/** A command could not do what it was asked for on AWS; the message says what to do. */
class CommandError extends ImageGptError {
  declare readonly code: CommandErrorCode;

  constructor(code: CommandErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** Names that the services have for one thing. Source: their API references, "Common Errors". */
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
 * What an SDK call's error means to somebody at a terminal, in one line. `action` completes "could not …". An error of
 * ours passes through, except where it only wraps the SDK's.
 */
export function commandError(action: string, error: unknown): ImageGptError {
  if (error instanceof CommandError) return error;
  const cause = error instanceof ImageGptError && isSdkError(error.cause) ? error.cause : error;
  if (cause instanceof ImageGptError) return cause;
  // A defect of ours must not pass for a network that is away.
  if (cause instanceof TypeError || cause instanceof RangeError || cause instanceof ReferenceError) throw cause;
  const name = awsErrorName(cause);
  const status = awsErrorStatus(cause);
  const words = textOf(cause);
  const fail = (code: CommandErrorCode, why: string): CommandError =>
    new CommandError(code, `could not ${action}: ${why}`, { cause: error });

  // What is set but empty is not accepted.
  if (/region (is missing|not accepted)/i.test(words)) {
    return fail('no_region', 'no region is set; give --region, or set AWS_REGION or the profile’s region');
  }
  if (expired.includes(name) || /\b(token|session|credentials?)\b.*\bexpired\b/i.test(words)) {
    return fail('credentials_expired', 'the credentials have expired; sign in again (for instance aws sso login)');
  }
  if (/^(CredentialsProviderError|ProviderError|TokenProviderError)$/.test(name)) {
    return fail(
      'no_credentials',
      `no usable credentials were found (${words}); set AWS_PROFILE, or sign in (for instance aws sso login)`,
    );
  }
  if (skewed.includes(name)) return fail('clock_skewed', 'the clock of this machine is wrong; set it and try again');
  if (refused.includes(name)) {
    return fail('credentials_refused', `AWS does not know these credentials (${name}); check AWS_PROFILE or the keys`);
  }
  if (denied.includes(name)) return fail('access_denied', `these credentials may not do it (${words})`);
  if (status === undefined) {
    return fail('unreachable', `AWS does not answer (${codeOf(cause) ?? name}); ${whatToCheck()}`);
  }
  // A page of a proxy or a load balancer is no answer of AWS.
  if (name === 'SyntaxError') return fail('unreachable', `what answers is not AWS (HTTP ${status}); ${whatToCheck()}`);
  return fail('aws_refused', `${name} (HTTP ${status}), ${words}`);
}

function whatToCheck(): string {
  const { AWS_ENDPOINT_URL: endpoint = '' } = process.env;
  if (endpoint !== '') return `AWS_ENDPOINT_URL is ${endpoint}: is anything there?`;
  return 'check the network, the proxy and that the region exists';
}

/** SDK errors and those below them: whatever is no error of ours. */
function isSdkError(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof ImageGptError);
}

/** One line, without a final full stop. */
function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message || innermost(error) : String(error);
  return text.replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '');
}

/** Node gives an AggregateError without words when every address of a name fails. */
function innermost(error: Error): string {
  const [first] = error instanceof AggregateError ? error.errors : [];
  return first instanceof Error ? first.message : error.name;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
