import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';

/** A process whose system calls are recorded. */
export interface Observed {
  child: ChildProcessByStdio<null, Readable, Readable>;
  /** Resolves when it has ended: what it and its descendants did. */
  ended: Promise<Seen>;
}

export interface Seen {
  code: number | null;
  /** Standard output and standard error. */
  said: string;
  /** Paths that were created or opened for writing, devices left out. */
  written: string[];
  /** `address:port`, or the path of a socket, of each connection or datagram that was tried, whether or not it failed. */
  reached: string[];
}

/** A user who is not root needs a user namespace as well. */
const unshare = ['unshare', process.getuid?.() === 0 ? '-n' : '-rn'];

/** Why processes cannot be observed here, for a skip; undefined when they can. */
export function observingMissing(): string | undefined {
  try {
    execFileSync('strace', ['-D', '-ff', '-y', '-o', '/dev/null', ...unshare, 'true'], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'needs strace and a network namespace, on Linux';
  }
}

/**
 * Starts Node in a network namespace where nothing can be reached. Its home, its temporary folder and its working
 * directory (`home`, `tmp`, `work`) lie below `folder`; it has no other variables than `env`.
 */
export function observe(folder: string, args: readonly string[], env: Record<string, string> = {}): Observed {
  const place = (name: string): string => join(folder, name);
  for (const name of ['home', 'tmp', 'work', 'trace']) mkdirSync(place(name), { recursive: true });
  const { PATH: path = '' } = process.env;
  // -D: signals reach Node instead of strace. -ff: a file for each thread, so that no call is split by another thread's.
  const how = ['-D', '-ff', '-qq', '-y', '-o', place('trace/of')];
  const calls = 'trace=%network,open,openat,openat2,creat,mkdir,mkdirat';
  const child = spawn('strace', [...how, '-e', calls, ...unshare, process.execPath, ...args], {
    cwd: place('work'),
    env: { PATH: path, HOME: place('home'), XDG_CACHE_HOME: place('home/.cache'), TMPDIR: place('tmp'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  // strace holds the streams too, so they close when the record is complete.
  const ended = once(child, 'close').then(([code]) => ({ code, said, ...readTrace(place('trace'), place('work')) }));
  return { child, ended };
}

/** Relative paths are taken to begin in `work`: none of these processes changes its directory. */
function readTrace(directory: string, work: string): Pick<Seen, 'written' | 'reached'> {
  const lines = readdirSync(directory).flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'));
  const written = lines
    .map(writtenPath)
    .filter((path) => path !== undefined)
    .map((path) => resolve(work, path))
    .filter((path) => !path.startsWith('/dev/'));
  const reached = lines.map(reachedAddress).filter((address) => address !== undefined);
  return { written: [...new Set(written)].toSorted(), reached: [...new Set(reached)].toSorted() };
}

/** Of a call that succeeded. */
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
