import type { PictureFile } from './picture-files.ts';
import { printable } from './printable.ts';
import type { ProgressBar } from './progress-bar.ts';
import { writeOut } from './standard-output.ts';
import { red } from './style.ts';

type FailedFile = Extract<PictureFile<unknown>, { status: 'failed' }>;

/** Tells of a file that failed, with `json` on standard output too; returns the first two cells of its row. */
export async function tellFailed(
  { file, code, message }: FailedFile,
  { bar, json }: { bar: ProgressBar; json: boolean },
): Promise<[file: string, code: string]> {
  if (json) {
    await bar.around(() => writeOut(`${JSON.stringify({ file, status: 'failed', error: { code, message } })}\n`));
  }
  bar.say(`${printable(file)}: ${code}: ${message}`);
  return [printable(file), red(code, process.stdout)];
}
