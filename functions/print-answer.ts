import { ImageGptError } from '../lib/ports/error.ts';

/** Prints what `answer` returns as a line. An expected error is a line on standard error, with which the program fails. */
export async function printAnswer(answer: () => Promise<string>): Promise<void> {
  try {
    process.stdout.write(`${await answer()}\n`);
  } catch (error) {
    if (!(error instanceof ImageGptError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
