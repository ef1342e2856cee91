import { displayWidth } from './table.ts';
import { printable } from './text.ts';

/** The part of standard error that a bar uses. */
export interface BarStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export interface ProgressBar extends Disposable {
  /** `total` undefined: not known yet. `note` comes at the end of the line. */
  update(done: number, total?: number, note?: string): void;
  /** Starts at `done`: work of an earlier process does not count for the rate. */
  resumeAt(done: number, total: number): void;
  /** Prints a line, escaped, above the bar. */
  say(line: string): void;
  /** Hides the bar while `write` writes to `output`, if both are terminals: they may be the same one. */
  hideWhile<T>(write: () => T, output?: { isTTY?: boolean }): T;
  /** Removes the bar. */
  stop(): void;
}

/** Shorter work shows no bar (milliseconds). */
const shownAfterMs = 2000;

const redrawMs = 100;

/** The rate covers only this last time (milliseconds). A run first skips finished pictures, which would inflate it. */
const rateWindowMs = 15_000;

/** Goes to the start of the line and clears it. */
export const eraseLine = '\r\u001b[2K';

/** A bar with rate and remaining time on `stream`, after 2 seconds; silent when `stream` is not a terminal. */
export function progressBar(
  unit: string,
  stream: BarStream = process.stderr,
  now = performance.now.bind(performance),
): ProgressBar {
  const started = now();
  let samples = [{ at: started, done: 0 }];
  let state: { done: number; total?: number | undefined; note?: string | undefined } = { done: 0 };
  let drawn = false;

  const draw = () => {
    const at = now();
    if (at - started >= shownAfterMs) {
      const recent = samples.filter((sample) => at - sample.at <= rateWindowMs);
      samples = recent.length > 0 ? recent : samples.slice(-1);
      samples.push({ at, done: state.done });
      stream.write(eraseLine + progressLine({ ...state, unit, perSecond: rate(samples) }, (stream.columns || 80) - 1));
      drawn = true;
    }
  };
  const erase = () => {
    if (drawn) {
      stream.write(eraseLine);
      drawn = false;
    }
  };
  const timer = stream.isTTY === true ? setInterval(draw, redrawMs) : undefined;
  timer?.unref();

  return {
    update(done, total, note) {
      state = { done, total, note };
    },
    resumeAt(done, total) {
      state = { done, total };
      samples = [{ at: now(), done }];
    },
    say(line) {
      erase();
      stream.write(`${printable(line)}\n`);
    },
    hideWhile(write, output = process.stdout) {
      if (!drawn || output.isTTY !== true) {
        return write();
      }
      erase();
      const written = write();
      draw();
      return written;
    },
    stop,
    [Symbol.dispose]: stop,
  };

  function stop(): void {
    clearInterval(timer);
    erase();
  }
}

function rate(samples: readonly { at: number; done: number }[]): number | undefined {
  const first = samples.at(0);
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at === first.at || last.done === first.done) {
    return undefined;
  }
  return (1000 * (last.done - first.done)) / (last.at - first.at);
}

interface ProgressState {
  done: number;
  total?: number | undefined;
  unit: string;
  /** Undefined: nothing finished recently. */
  perSecond: number | undefined;
  note?: string | undefined;
}

/** A line of at most `columns` columns: `████░░░░ 12/200 pictures · 3.1/s · 1:01 left · note`. */
export function progressLine({ done, total, unit, perSecond, note }: ProgressState, columns: number): string {
  const parts = [total === undefined ? `${done} ${unit}` : `${done}/${total} ${unit}`];
  if (perSecond !== undefined) {
    parts.push(perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${(1 / perSecond).toFixed(1)} s each`);
    if (total !== undefined && total > done) {
      parts.push(`${duration((total - done) / perSecond)} left`);
    }
  }
  if (note !== undefined) {
    parts.push(printable(note));
  }
  const words = parts.join(' · ');
  const room = Math.min(30, columns - displayWidth(words) - 1);
  if (total === undefined || total === 0 || room < 5) {
    return words.slice(0, columns);
  }
  const filled = Math.round(room * Math.min(1, done / total));
  return `${'█'.repeat(filled)}${'░'.repeat(room - filled)} ${words}`;
}

/** `0:07`, `12:00`, `3:05:00`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}
