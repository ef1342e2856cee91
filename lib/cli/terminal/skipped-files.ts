import type { SkippedFile } from '../../local/input-directory.ts';
import { printable } from './printable.ts';

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
