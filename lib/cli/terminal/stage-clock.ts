import type { SmokeStages } from '../../operate/smoke.ts';
import { type BarStream, duration } from './progress-bar.ts';

/** A stage that has ended. */
export interface Stage {
  stage: string;
  /** Time of this stage alone. */
  seconds: number;
}

/** Times consecutive stages, and shows the current one on a terminal. */
interface StageClock extends SmokeStages, Disposable {
  list(): Stage[];
  stop(): void;
}

const redrawMs = 500;
const eraseLine = '\r\u001b[2K';

/**
 * @param stream gets a line per stage, and on a terminal a live line: `0:42 waiting for its outcome · tokens queue`
 * @param now milliseconds
 */
export function createStageClock(
  stream: BarStream = process.stderr,
  now = performance.now.bind(performance),
): StageClock {
  const stages: Stage[] = [];
  let begun = now();
  let stageBegun = begun;
  let doing = '';
  let detail = '';
  const terminal = stream.isTTY === true;
  const draw = (): void => {
    if (doing === '') return;
    const words = [doing, detail].filter((part) => part !== '').join(' · ');
    stream.write(eraseLine + `${duration((now() - begun) / 1000)} ${words}`.slice(0, (stream.columns || 80) - 1));
  };
  const timer = terminal ? setInterval(draw, redrawMs) : undefined;
  timer?.unref();

  function stop(): void {
    clearInterval(timer);
    if (terminal && doing !== '') stream.write(eraseLine);
    doing = '';
  }

  return {
    start(what) {
      begun = now();
      stageBegun = begun;
      doing = what;
    },
    done(stage, next) {
      const at = now();
      stages.push({ stage, seconds: (at - stageBegun) / 1000 });
      stageBegun = at;
      doing = next;
      detail = '';
      if (terminal) stream.write(eraseLine);
      stream.write(`${duration((at - begun) / 1000)} ${stage}\n`);
    },
    note(text) {
      detail = text;
    },
    list: () => [...stages],
    stop,
    [Symbol.dispose]: stop,
  };
}
