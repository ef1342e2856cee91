import { ImageGptError } from '../../image-gpt/error.ts';
import type { ProgressBar } from './progress-bar.ts';

/** Says each kind of error once: a full disk says the same for each picture. */
export function sayOnce(bar: ProgressBar): (error: unknown) => void {
  const said = new Set<string>();
  return (error) => {
    const code = error instanceof ImageGptError ? error.code : String(error);
    if (said.has(code)) return;
    said.add(code);
    bar.say(`igpt: ${error instanceof Error ? error.message : error}`);
  };
}
