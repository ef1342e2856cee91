import { inspect } from 'node:util';
import { isOutOfFiles } from '../local/error.ts';
import { ImageGptError, UsageError } from '../ports/error.ts';
import { watchInterrupts } from './interrupt.ts';
import { createProgram, HelpShown } from './program.ts';
import { guardStandardStreams } from './terminal/standard-output.ts';
import { printable, red } from './terminal/text.ts';

/** Runs one command line and sets the exit code: 0 done, 1 failed, 2 wrong command line, 128 + signal interrupted. */
export async function main(args: readonly string[]): Promise<void> {
  watchInterrupts();
  guardStandardStreams();
  const { npm_lifecycle_event: script, INIT_CWD: userFolder, IGPT_DEBUG: debug = '' } = process.env;
  if (script === 'igpt' && userFolder !== undefined) {
    // `npm run` changes to the project's folder, but paths on the command line are relative to the user's folder.
    process.chdir(userFolder);
  }
  const debugging = args.includes('--debug') || debug !== '';
  // An error that no promise of the work carries, such as one of a stream that nobody listens to.
  process.on('uncaughtException', (error) => {
    report(error, debugging);
    process.exit(1);
  });
  try {
    requireFolder();
    const program = await createProgram(args);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof HelpShown)) {
      report(error, debugging);
      process.exitCode = isUsageError(error) ? 2 : 1;
    }
  }
}

/** Paths on the command line are relative to the current folder, so it must exist. */
function requireFolder(): void {
  try {
    process.cwd();
  } catch (error) {
    throw new UsageError(
      'the folder that you are in does not exist any more; change to another folder (cd) and run igpt again',
      { cause: error },
    );
  }
}

/** Prints an error in one line. Escapes control characters once for all verbs: messages may hold names of files. */
function report(error: unknown, debug: boolean): void {
  if (debug) {
    process.stderr.write(`${inspect(error).split('\n').map(printable).join('\n')}\n`);
  }
  const message = error instanceof Error ? error.message : String(error);
  const words = isOutOfFiles(error)
    ? `expected to open another file, but this process has too many open for ulimit -n: raise it (ulimit -n 4096), or use fewer --workers and --decoders; ${message}`
    : error instanceof ImageGptError
      ? message
      : `unexpected: ${message}; this is a bug in igpt: run it again with --debug and report what it prints`;
  process.stderr.write(`${red('igpt:', process.stderr)} ${printable(words.replaceAll(/\s*\n\s*/g, ' '))}\n`);
}

/** Errors that only the command line can cause, although another part of the system finds them. */
const usageErrorCodes = new Set(['output_unavailable', 'layer_out_of_range']);

/** Whether the command line is wrong. */
function isUsageError(error: unknown): boolean {
  return error instanceof UsageError || (error instanceof ImageGptError && usageErrorCodes.has(error.code));
}
