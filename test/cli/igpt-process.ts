import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { repositoryRoot } from '../../lib/local/repository.ts';

export const igptCommand = join(repositoryRoot, 'lib', 'cli', 'igpt.js');

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

interface StartOptions {
  cwd?: string;
  /** Added to the environment. */
  env?: Record<string, string>;
  /** Limits of the shell that starts it, as options of `ulimit`: `-f 100`, `-n 24` (default: none). */
  ulimit?: string;
}

/** Starts the real command in its own process, through its shebang, without the variables of npm and vitest. */
export function startIgpt(
  args: readonly string[],
  { cwd = repositoryRoot, env = {}, ulimit }: StartOptions = {},
): ChildProcessWithoutNullStreams {
  const plain = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|INIT_CWD$|NODE_|VITEST|TEST$|IGPT_|FORCE_COLOR$|NO_COLOR$)/.test(name),
  );
  const options = { cwd, env: { ...Object.fromEntries(plain), ...env } };
  if (ulimit === undefined) return spawn(igptCommand, args, options);
  return spawn('bash', ['-c', 'ulimit $0 && exec "$@"', ulimit, igptCommand, ...args], options);
}

/** Runs the command until it ends. */
export async function igpt(
  args: readonly string[],
  { stdin, ...options }: StartOptions & { stdin?: Uint8Array } = {},
): Promise<Finished> {
  return finished(startIgpt(args, options), stdin);
}

/** Resolves when a started command has ended. Call it at once, or output is lost. */
export async function finished(child: ChildProcessWithoutNullStreams, stdin?: Uint8Array): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // The command may end before it has read everything.
  child.stdin.on('error', () => {}).end(stdin);
  await once(child, 'close');
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
}

/** PATH without the project's node_modules/.bin, so that `node` is the machine's own, which may be old. */
export function pathWithoutProject(): string {
  const { PATH = '' } = process.env;
  return PATH.split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .join(delimiter);
}

/** A folder that is removed after the test: `using folder = temporaryFolder()`. */
export function temporaryFolder(): Disposable & { path: string } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'igpt-cli-')));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
