import { basename, join, relative } from 'node:path';
import { repositoryRoot } from '../local/repository.ts';
import { printable } from './terminal/text.ts';

interface Caller {
  env: Readonly<Record<string, string | undefined>>;
  /** process.argv: Node, script, arguments. */
  argv: readonly string[];
}

/** How the user called this command (`npx igpt`, `npm run igpt --`, `igpt`), so that suggested commands work as printed. */
export function invocation({ env, argv }: Caller = process): string {
  const { npm_lifecycle_event: script, npm_command: command } = env;
  if (script === 'igpt') {
    return 'npm run igpt --';
  }
  if (command === 'exec') {
    return 'npx igpt';
  }
  const file = argv[1] ?? 'igpt';
  const short = relative(process.cwd(), file);
  return basename(file) === 'igpt' ? 'igpt' : `node ${quoted(short.startsWith('..') ? file : short)}`;
}

/** The whole command line, to run it again. */
export function sameCommand(caller: Caller = process): string {
  return [invocation(caller), ...caller.argv.slice(2).map(quoted)].join(' ');
}

/** `text` as one word of a POSIX shell; with characters that a terminal would obey, as one of bash, ksh or zsh. */
export function quoted(text: string): string {
  if (printable(text) !== text) return `$'${printable(text.replaceAll(/[\\']/g, String.raw`\$&`))}'`;
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Help text with commands that work as printed. Each of `lines` leaves out `igpt`. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${invocation()} ${line}\n`).join('')}`;
}

const samplesFolder = join(repositoryRoot, 'test', 'fixtures', 'pictures');

/** Path of a sample picture; an empty name gives the folder of all. */
export function samplePicturePath(name: string): string {
  return join(samplesFolder, name);
}

/** Path of the sample pictures, or of one of them: a shell word, relative to the user's folder. */
export function samplePictures(name = ''): string {
  const path = join(samplesFolder, name);
  const short = relative(process.cwd(), path);
  return quoted(short === '' ? '.' : short.startsWith('..') ? path : short);
}
