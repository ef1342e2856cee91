import { describe, expect, it } from 'vitest';
import { awsError } from '../../../lib/aws/aws-error.ts';
import { commandError } from '../../../lib/operate/command-error.ts';

/** An error as the SDK throws it. */
function sdkError(name: string, message: string, status?: number): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

describe('an error of AWS, explained for a terminal', () => {
  it.each([
    [new Error('Region is missing'), 'no_region'],
    [sdkError('CredentialsProviderError', 'Could not load credentials from any providers'), 'no_credentials'],
    [
      sdkError('CredentialsProviderError', 'The SSO session associated with this profile has expired.'),
      'credentials_expired',
    ],
    [
      sdkError('TokenProviderError', 'Token is expired. To refresh this SSO session run sso login'),
      'credentials_expired',
    ],
    [sdkError('ExpiredToken', 'The security token included in the request is expired', 403), 'credentials_expired'],
    [sdkError('ExpiredTokenException', 'The security token is invalid', 400), 'credentials_expired'],
    [
      sdkError('InvalidClientTokenId', 'The security token included in the request is invalid', 403),
      'credentials_refused',
    ],
    [sdkError('AccessDenied', 'User x is not authorized to perform: sqs:ReceiveMessage', 403), 'access_denied'],
    [sdkError('RequestTimeTooSkewed', 'The difference is too large', 403), 'clock_skewed'],
    [sdkError('TimeoutError', 'socket hang up'), 'unreachable'],
    [sdkError('InvalidParameterValue', 'no such thing', 400), 'aws_refused'],
  ])('%s is %s', (cause, code) => {
    const error = commandError('read the stack Mine', cause);

    expect(error).toMatchObject({ code, cause });
    expect(error.message).toMatch(/^could not [^\n]+[^.]$/);
  });

  it('is found as the cause of a port’s error', () => {
    const expired = sdkError('ExpiredToken', 'The security token included in the request is expired', 403);

    expect(commandError('list pictures', awsError('list the bucket', expired)).code).toBe('credentials_expired');
  });

  it('shows the code of a network error', () => {
    const cause = Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:9')]), {
      code: 'ECONNREFUSED',
    });

    expect(commandError('read the stack', cause).message).toContain('AWS does not answer (ECONNREFUSED)');
  });

  it('stays as it is if it is already explained', () => {
    const ours = commandError('read the stack', new Error('Region is missing'));

    expect(commandError('do more', ours)).toBe(ours);
  });
});
