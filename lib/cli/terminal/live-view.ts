import { Option } from 'commander';
import { systemClock as clock } from '../../local/system-clock.ts';
import { commandError } from '../../operate/operator-error.ts';
import { interruptExitCode, onFirstInterrupt } from '../interrupt.ts';
import { number } from '../options/number-option.ts';
import { writeOut } from './standard-output.ts';
import { printable } from './text.ts';

export interface LiveViewOptions {
  watch?: boolean;
  /** Seconds. */
  interval: number;
  json: boolean;
}

export function liveViewOptions(interval: number): Option[] {
  return [
    new Option('--watch', 'go on, also where standard output is no terminal'),
    new Option('--no-watch', 'once, also on a terminal'),
    new Option('--interval <seconds>', 'between two looks').default(interval).argParser(number({ min: 1 })),
  ];
}

/** A look at something, as text. */
export interface Frame {
  text: string;
  /** There is nothing more to come. */
  last?: boolean;
}

/** Cursor to the upper left corner; what was there stays until it is written over, so that nothing flickers. */
const HOME = '\u001b[H';
const ERASE_LINE_REST = '\u001b[K';
const ERASE_BELOW = '\u001b[J';
const CLEAR = '\u001b[2J';

/**
 * Shows what `look` sees: again and again on a terminal until Ctrl-C or the last look, once anywhere else.
 *
 * @param what completes "could not look at …"
 */
export async function showLive(
  { watch, interval, json }: LiveViewOptions,
  what: string,
  look: () => Promise<Frame>,
): Promise<void> {
  const terminal = process.stdout.isTTY === true && !json;
  if (!(watch ?? terminal)) return writeOut((await look()).text);

  const stop = new AbortController();
  using _ = onFirstInterrupt((signal) => {
    stop.abort();
    process.exitCode = interruptExitCode(signal);
  });
  if (terminal) await writeOut(CLEAR);
  for (let first = true; !stop.signal.aborted; first = false) {
    const { text, last = false } = await look().catch((error: unknown): Frame => {
      const explained = commandError(`look at ${what}`, error);
      // At a second look the network may be away for a moment.
      if (first || explained.code !== 'unreachable') throw explained;
      return { text: terminal ? `${printable(explained.message)}; still trying\n` : '' };
    });
    await writeOut(terminal ? redrawn(text, process.stdout) : text);
    if (last) return;
    await clock.sleep(interval * 1000, stop.signal);
  }
}

/** `text` in place of what stands on the screen, wrapped and cut to its size: what scrolls could not be drawn over. */
export function redrawn(text: string, { rows = 24, columns = 80 }: { rows?: number; columns?: number }): string {
  const wide = new RegExp(`.{1,${Math.max(columns - 1, 1)}}`, 'gu');
  const lines = text
    .trimEnd()
    .split('\n')
    .flatMap((line) => line.match(wide) ?? ['']);
  return (
    HOME +
    lines
      .slice(0, rows - 1)
      .map((line) => `${line}${ERASE_LINE_REST}\n`)
      .join('') +
    ERASE_BELOW
  );
}
