import { inspect } from 'node:util';
import { ImageGptError, UsageError } from '../ports/error.ts';
import { watchInterrupts } from './interrupt.ts';
import { createProgram, HelpShown } from './program.ts';
import { watchStandardOutput } from './terminal/standard-output.ts';
import { printable, red } from './terminal/text.ts';

/** Runs one command line and sets the exit code: 0 done, 1 failed, 2 the command line is wrong, 128 + signal interrupted. */
export async function main(args: readonly string[]): Promise<void> {
  watchInterrupts();
  watchStandardOutput();
  const { npm_lifecycle_event: script, INIT_CWD: userFolder, IGPT_DEBUG: debug = '' } = process.env;
  if (script === 'igpt' && userFolder !== undefined) {
    // `npm run` changes to the project's folder; names on the command line are meant from where the user stands.
    process.chdir(userFolder);
  }
  try {
    requireFolder();
    const program = await createProgram(args);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof HelpShown)) {
      report(error, args.includes('--debug') || debug !== '');
      process.exitCode = isUsageError(error) ? 2 : 1;
    }
  }
}

/** Every name on the command line is meant from the folder that the user stands in. */
function requireFolder(): void {
  try {
    process.cwd();
  } catch (error) {
    throw new UsageError(
      'the folder that you are in does not exist any more; go to another one (cd) and run igpt again',
      {
        cause: error,
      },
    );
  }
}

function report(error: unknown, debug: boolean): void {
  if (debug) {
    process.stderr.write(`${inspect(error)}\n`);
  }
  const message = error instanceof Error ? error.message : String(error);
  const words =
    error instanceof ImageGptError
      ? message
      : `unexpected: ${message}; this is a defect of igpt: run it again with --debug and report what it prints`;
  process.stderr.write(`${red('igpt:', process.stderr)} ${printable(words.replaceAll(/\s*\n\s*/g, ' '))}\n`);
}

/** Codes of other rooms' errors that come of what was asked for, never of the files: they are usage errors too. */
const ASKED_TOO_MUCH = new Set(['output_unavailable', 'layer_out_of_range']);

/** True when the command line is at fault. */
export function isUsageError(error: unknown): boolean {
  return error instanceof UsageError || (error instanceof ImageGptError && ASKED_TOO_MUCH.has(error.code));
}
