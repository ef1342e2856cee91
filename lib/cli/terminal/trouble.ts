import type { SkippedFile } from '../../local/input-directory.ts';
import type { PictureFile } from '../../local/picture-files.ts';
import { ImageGptError } from '../../ports/error.ts';
import type { ProgressBar } from './progress-bar.ts';
import { writeOut } from './standard-output.ts';
import type { Cell } from './table.ts';
import { printable } from './text.ts';

type FailedFile = Extract<PictureFile<unknown>, { status: 'failed' }>;

/** Prints the error of a failed file; with `json`, also on standard output. Returns the first two cells of its row. */
export async function reportFailedFile(
  { file, code, message }: FailedFile,
  { bar, json }: { bar: ProgressBar; json: boolean },
): Promise<[file: Cell, code: Cell]> {
  if (json) {
    await bar.hideWhile(() => writeOut(`${JSON.stringify({ file, status: 'failed', error: { code, message } })}\n`));
  }
  bar.say(`${printable(file)}: ${code}: ${message}`);
  return [file, { red: code }];
}

/** Prints each error code once: a full disk fails every picture in the same way. */
export function reportOnce(bar: ProgressBar): (error: unknown) => void {
  const printed = new Set<string>();
  return (error) => {
    const code = error instanceof ImageGptError ? error.code : String(error);
    if (printed.has(code)) return;
    printed.add(code);
    bar.say(`igpt: ${error instanceof Error ? error.message : error}`);
  };
}

const reasons: Readonly<Record<SkippedFile['reason'], string>> = {
  link_outside: 'links that lead out of the directory',
  link_loop: 'links that form a loop',
  unreadable_folder: 'folders without read permission',
  name_not_utf8: 'names that are not UTF-8',
  key_too_long: 'paths longer than 1,024 bytes',
};

/** Files that a verb leaves out. Disposing prints the report if the verb failed before it printed it itself. */
export interface SkippedFiles extends Disposable {
  add(skipped: SkippedFile): void;
  report(): string;
}

/** Collects the files that a verb leaves out: a count and one example per reason, so memory stays constant. */
export function createSkippedFiles(): SkippedFiles {
  let reported = false;
  const seen = new Map<SkippedFile['reason'], { count: number; example: string }>();
  return {
    add({ path, reason }) {
      const entry = seen.get(reason) ?? { count: 0, example: path };
      entry.count += 1;
      seen.set(reason, entry);
    },
    report,
    [Symbol.dispose]() {
      if (!reported) process.stderr.write(report());
    },
  };

  function report(): string {
    reported = true;
    return [...seen]
      .map(([reason, { count, example }]) => `left out: ${count} ${reasons[reason]}, such as ${printable(example)}\n`)
      .join('');
  }
}
