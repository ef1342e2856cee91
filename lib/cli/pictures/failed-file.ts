import { printable } from '../terminal/printable.ts';
import type { ProgressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { red } from '../terminal/style.ts';
import type { PictureFile } from './picture-files.ts';

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
