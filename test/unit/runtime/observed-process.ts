import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';

/** A process whose system calls are recorded. */
export interface ObservedProcess {
  child: ChildProcessByStdio<null, Readable, Readable>;
  /** Resolves when the process has ended, with what it and its descendants did. */
  ended: Promise<Observation>;
}

export interface Observation {
  code: number | null;
  /** Standard output and standard error. */
  printed: string;
  /** Paths that were created or opened for writing, without devices. */
  written: string[];
  /** Targets of all attempted connections and datagrams: `address:port`, or the path of a socket. */
  reached: string[];
}

/** Users other than root need a user namespace as well. */
const unshare = ['unshare', process.getuid?.() === 0 ? '-n' : '-rn'];

/** Why processes cannot be observed here, as the reason of a skipped test; undefined if they can. */
export function observingMissing(): string | undefined {
  try {
    execFileSync('strace', ['-D', '-ff', '-y', '-o', '/dev/null', ...unshare, 'true'], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'needs strace and a network namespace, on Linux';
  }
}

/**
 * Starts Node in a network namespace without any network. Its home, temporary and working directories are `home`, `tmp`
 * and `work` in `folder`. Its environment is PATH, these directories and `env`.
 */
export function observe(folder: string, args: readonly string[], env: Record<string, string> = {}): ObservedProcess {
  const at = (name: string): string => join(folder, name);
  for (const name of ['home', 'tmp', 'work', 'trace']) mkdirSync(at(name), { recursive: true });
  const { PATH: path = '' } = process.env;
  // -D: signals reach Node instead of strace. -ff: one file for each thread, so that calls do not interleave.
  const straceOptions = ['-D', '-ff', '-qq', '-y', '-o', at('trace/of')];
  const calls = 'trace=%network,open,openat,openat2,creat,mkdir,mkdirat';
  const child = spawn('strace', [...straceOptions, '-e', calls, ...unshare, process.execPath, ...args], {
    cwd: at('work'),
    env: { PATH: path, HOME: at('home'), XDG_CACHE_HOME: at('home/.cache'), TMPDIR: at('tmp'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  // strace holds the streams too: they close when its files are complete.
  const ended = once(child, 'close').then(([code]) => ({ code, printed, ...readTrace(at('trace'), at('work')) }));
  return { child, ended };
}

/** Resolves relative paths in `work`: the observed processes do not change their directory. */
function readTrace(directory: string, work: string): Pick<Observation, 'written' | 'reached'> {
  const lines = readdirSync(directory).flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'));
  const written = lines
    .map(writtenPath)
    .filter((path) => path !== undefined)
    .map((path) => resolve(work, path))
    .filter((path) => !path.startsWith('/dev/'));
  const reached = lines.map(reachedAddress).filter((address) => address !== undefined);
  return { written: [...new Set(written)].toSorted(), reached: [...new Set(reached)].toSorted() };
}

/** Path that a successful call created or opened for writing. */
function writtenPath(line: string): string | undefined {
  const [, opened] = /^(?:creat\(|open.*O_(?:WRONLY|RDWR|CREAT)).* = \d+<(.*)>$/.exec(line) ?? [];
  const [, made] = /^mkdir(?:at)?\(.*"(.*)", \d+\) += 0$/.exec(line) ?? [];
  return opened ?? made;
}

function reachedAddress(line: string): string | undefined {
  if (!/^(connect|send)/.test(line)) return undefined;
  const [, socket] = /sun_path=@?"([^"]*)"/.exec(line) ?? [];
  const [, port] = /sin6?_port=htons\((\d+)\)/.exec(line) ?? [];
  const [, address] = /inet_(?:addr\(|pton\(AF_INET6, )"([^"]*)"/.exec(line) ?? [];
  return socket ?? (port === undefined ? undefined : `${address}:${port}`);
}
