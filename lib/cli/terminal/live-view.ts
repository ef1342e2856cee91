import { Option } from 'commander';
import { systemClock as clock } from '../../local/system-clock.ts';
import { commandError } from '../../operate/command-error.ts';
import { interruptExitCode, onFirstInterrupt } from '../interrupt.ts';
import { number } from '../options/number-option.ts';
import { writeOut } from './standard-output.ts';
import { printable } from './text.ts';

export interface LiveViewOptions {
  /** Default: on a terminal only. */
  watch?: boolean;
  /** Seconds. */
  interval: number;
  json: boolean;
}

/** @param interval default of `--interval` (seconds) */
export function liveViewOptions(interval: number): Option[] {
  return [
    new Option('--watch', 'repeat until Ctrl-C, also without a terminal'),
    new Option('--no-watch', 'print once, also on a terminal'),
    new Option('--interval <seconds>', 'time between two updates').default(interval).argParser(number({ min: 1 })),
  ];
}

/** What the view shows at one moment. */
export interface Frame {
  text: string;
  /** No further frame follows. */
  last?: boolean;
}

// Nothing is erased before it is overwritten, so the view does not flicker.
const cursorHome = '\u001b[H';
const eraseLineRest = '\u001b[K';
const eraseBelow = '\u001b[J';
const clearScreen = '\u001b[2J';

/**
 * Shows frames: on a terminal again and again until Ctrl-C or the last frame, elsewhere once.
 *
 * @param what completes "could not read …"
 */
export async function showLive(
  { watch, interval, json }: LiveViewOptions,
  what: string,
  readFrame: () => Promise<Frame>,
): Promise<void> {
  const terminal = process.stdout.isTTY === true && !json;
  if (!(watch ?? terminal)) return writeOut((await readFrame()).text);

  const stop = new AbortController();
  using _ = onFirstInterrupt((signal) => {
    stop.abort();
    process.exitCode = interruptExitCode(signal);
  });
  if (terminal) await writeOut(clearScreen);
  for (let first = true; !stop.signal.aborted; first = false) {
    const { text, last = false } = await readFrame().catch((error: unknown): Frame => {
      const explained = commandError(`read ${what}`, error);
      // After the first frame, the network may be unreachable for a moment.
      if (first || explained.code !== 'unreachable') throw explained;
      return { text: terminal ? `${printable(explained.message)}; still trying\n` : '' };
    });
    await writeOut(terminal ? redrawn(text, process.stdout) : text);
    if (last) return;
    await clock.sleep(interval * 1000, stop.signal);
  }
}

/** `text` drawn over the screen. It is wrapped and cut to the screen, because scrolled lines cannot be overwritten. */
export function redrawn(text: string, { rows = 24, columns = 80 }: { rows?: number; columns?: number }): string {
  const screenLine = new RegExp(`.{1,${Math.max(columns - 1, 1)}}`, 'gu');
  const lines = text
    .trimEnd()
    .split('\n')
    .flatMap((line) => line.match(screenLine) ?? ['']);
  const drawn = lines.slice(0, rows - 1).map((line) => `${line}${eraseLineRest}\n`);
  return cursorHome + drawn.join('') + eraseBelow;
}
