import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Finished, igpt } from './igpt-process.ts';

describe('without AWS', () => {
  /** An environment without AWS: no variables, no configuration files, no instance metadata. */
  const names = [
    'ACCESS_KEY_ID',
    'SECRET_ACCESS_KEY',
    'SESSION_TOKEN',
    'PROFILE',
    'REGION',
    'DEFAULT_REGION',
    'ENDPOINT_URL',
  ];
  const bare = {
    ...Object.fromEntries(names.map((name) => [`AWS_${name}`, ''])),
    HOME: '/nonexistent',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const keys = { ...bare, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'eu-central-1' };
  const verbs = ['status', 'smoke', 'redrive', 'tail'];

  async function expectOneLine(end: Promise<Finished>, words: RegExp): Promise<void> {
    const { code, stdout, stderr } = await end;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(words);
    expect(stderr.trimEnd()).not.toContain('\n');
  }

  test('a missing region is one line', () =>
    expectOneLine(igpt(['status'], { env: bare }), /no region is set; give --region/));

  test.each(verbs)('missing credentials are one line of %s', (verb) =>
    expectOneLine(
      igpt([verb, '--region', 'eu-central-1'], { env: bare }),
      /^igpt: could not read the stack ImageGpt in eu-central-1: no usable credentials/,
    ),
  );

  test('an endpoint that does not answer is one line', () =>
    expectOneLine(
      igpt(['status'], { env: { ...keys, AWS_ENDPOINT_URL: 'http://localhost:9' } }),
      /AWS does not answer \(ECONNREFUSED\); AWS_ENDPOINT_URL is http:\/\/localhost:9: check that a server runs there/,
    ));

  test('expired credentials are one line', async () => {
    const body =
      '<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message></Error></ErrorResponse>';
    const server = createServer((_, response) => response.writeHead(403, { 'content-type': 'text/xml' }).end(body));
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const { port } = server.address() as AddressInfo;

    await expectOneLine(
      igpt(['redrive'], { env: { ...keys, AWS_ENDPOINT_URL: `http://localhost:${port}` } }),
      /the credentials have expired; sign in again/,
    );
    server.close();
  });

  test('doctor still checks this machine', async () => {
    const { code, stdout } = await igpt(['doctor', '-c', 'imageBuild=codebuild', '--region', 'eu-central-1'], {
      env: bare,
    });

    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^FAIL {2}credentials: could not read the identity of the credentials: no usable credentials/,
    );
    expect(stdout).toMatch(/^ok {4}model: igpt-nano, /m);
    expect(stdout).toContain('bootstrap: needs credentials\n');
  });

  test('a wrong command line exits with 2', async () => {
    const { code, stderr } = await igpt(['tail', '--status', 'fine', '--stack', 'Mine']);

    expect(code).toBe(2);
    expect(stderr).toContain('expected one of succeeded, failed');
  });
});
