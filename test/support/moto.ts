import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { pythonEnvironment } from './python.ts';

/** moto, an emulator of AWS, in its own process. */
export interface Moto extends AsyncDisposable {
  endpoint: string;
  /** Environment with which a process calls moto instead of AWS. */
  environment: Record<string, string>;
}

export const motoAccount = '123456789012';
export const motoRegion = 'us-east-1';

/** Why moto cannot be installed here, as the reason of a skipped test; undefined if it can. */
export async function motoMissing(): Promise<string | undefined> {
  const found = await pythonEnvironment('requirements-aws.txt');
  return 'missing' in found ? found.missing : undefined;
}

/** Starts moto on a free port. */
export async function startMoto(): Promise<Moto> {
  const found = await pythonEnvironment('requirements-aws.txt');
  if ('missing' in found) throw new Error(found.missing);
  const { PATH: path = '' } = process.env;
  const server = spawn(found.python, ['-m', 'moto.server', '-p', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // No other variables: moto must not see our AWS credentials.
    env: { PATH: path, PYTHONUNBUFFERED: '1' },
  });
  // Not 127.0.0.1: with it, moto returns queue URLs that the SDK takes for AWS's own.
  const endpoint = `http://localhost:${await portOf(server)}`;
  return {
    endpoint,
    environment: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: motoRegion,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill();
      await ended;
    },
  };
}

/** Reads the port from the server's log, and keeps reading so that the server is never blocked. */
async function portOf(server: ChildProcess): Promise<string> {
  const lines: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  server.once('error', reject);
  server.once('exit', () => reject(new Error(`Expected moto to start, but it ended: ${lines.join('\n')}`)));
  if (server.stderr !== null) {
    createInterface(server.stderr).on('line', (line) => {
      if (lines.length < 50) lines.push(line);
      const [, port] = /Running on http:\/\/[^:]+:(\d+)/.exec(line) ?? [];
      if (port !== undefined) resolve(port);
    });
  }
  return promise;
}
