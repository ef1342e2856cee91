import { type BarStream, duration } from './progress-bar.ts';

/** A stage that is over. */
export interface Stage {
  stage: string;
  /** Its own time. */
  seconds: number;
}

/** Times stages one after the other, and says on a terminal what goes on. */
export interface StageClock extends Disposable {
  /** `doing` is what the first stage does. */
  start(doing: string): void;
  /** The stage that was going on has ended in `stage`; now it does `doing`. */
  done(stage: string, doing: string): void;
  /** More of what goes on. */
  note(text: string): void;
  list(): Stage[];
  stop(): void;
}

const REDRAW_MS = 500;
const ERASE_LINE = '\r\u001b[2K';

/** `stream`: lines for each stage, and on a terminal one that is redrawn: `0:42 waiting for its outcome · tokens queue`. */
export function createStageClock(
  stream: BarStream = process.stderr,
  now = performance.now.bind(performance),
): StageClock {
  const stages: Stage[] = [];
  let begun = now();
  let last = begun;
  let doing = '';
  let noted = '';
  const terminal = stream.isTTY === true;
  const draw = (): void => {
    if (doing === '') return;
    const words = [doing, noted].filter((part) => part !== '').join(' · ');
    stream.write(ERASE_LINE + `${duration((now() - begun) / 1000)} ${words}`.slice(0, (stream.columns || 80) - 1));
  };
  const timer = terminal ? setInterval(draw, REDRAW_MS) : undefined;
  timer?.unref();

  function stop(): void {
    clearInterval(timer);
    if (terminal && doing !== '') stream.write(ERASE_LINE);
    doing = '';
  }

  return {
    start(what) {
      begun = now();
      last = begun;
      doing = what;
    },
    done(stage, next) {
      const at = now();
      stages.push({ stage, seconds: (at - last) / 1000 });
      last = at;
      doing = next;
      noted = '';
      if (terminal) stream.write(ERASE_LINE);
      stream.write(`${duration((at - begun) / 1000)} ${stage}\n`);
    },
    note(text) {
      noted = text;
    },
    list: () => [...stages],
    stop,
    [Symbol.dispose]: stop,
  };
}
