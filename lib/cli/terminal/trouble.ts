import type { SkippedFile } from '../../local/input-directory.ts';
import type { PictureFile } from '../../local/picture-files.ts';
import { ImageGptError } from '../../ports/error.ts';
import type { ProgressBar } from './progress-bar.ts';
import { writeOut } from './standard-output.ts';
import { printable, red } from './text.ts';

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

/** Says each kind of error once: a full disk says the same for each picture. */
export function reportOnce(bar: ProgressBar): (error: unknown) => void {
  const said = new Set<string>();
  return (error) => {
    const code = error instanceof ImageGptError ? error.code : String(error);
    if (said.has(code)) return;
    said.add(code);
    bar.say(`igpt: ${error instanceof Error ? error.message : error}`);
  };
}

const REASONS: Readonly<Record<SkippedFile['reason'], string>> = {
  link_outside: 'links that leave the directory',
  link_loop: 'links that go round in circles',
  unreadable_folder: 'folders that may not be read',
  name_not_utf8: 'names that are not UTF-8',
  key_too_long: 'paths of more than 1,024 bytes',
};

/** Remembers what a run left out, without growing with it: a count and one example for each reason. */
export function createSkippedFiles(): { add(skipped: SkippedFile): void; report(): string } {
  const seen = new Map<SkippedFile['reason'], { count: number; example: string }>();
  return {
    add({ path, reason }) {
      const entry = seen.get(reason) ?? { count: 0, example: path };
      entry.count += 1;
      seen.set(reason, entry);
    },
    report: () =>
      [...seen]
        .map(([reason, { count, example }]) => `left out: ${count} ${REASONS[reason]}, such as ${printable(example)}\n`)
        .join(''),
  };
}
