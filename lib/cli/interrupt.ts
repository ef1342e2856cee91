import { constants } from 'node:os';
import { sameCommand } from './invocation.ts';

export type InterruptSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Exit code of a process that a signal ended, as shells count: 130 for SIGINT, 143 for SIGTERM. */
export function interruptExitCode(signal: InterruptSignal): number {
  return 128 + constants.signals[signal];
}

/**
 * One Ctrl-C can arrive twice: from the terminal, which tells every process of the job, and from npm or our own
 * launcher, which pass it on. Nobody presses the key twice this fast.
 */
const SAME_KEYSTROKE_MS = 250;

let handler: (signal: InterruptSignal) => void = endAtOnce;

/** From now on signals go to one place; until a verb says otherwise, they end the process. */
export function watchInterrupts(): void {
  let last = -Infinity;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const at = performance.now();
      if (at - last >= SAME_KEYSTROKE_MS) {
        last = at;
        handler(signal);
      }
    });
  }
}

/** Calls `first` for the first signal; the second one ends the process. Dispose to go back to ending at once. */
export function onFirstInterrupt(first: (signal: InterruptSignal) => void): Disposable {
  handler = (signal) => {
    handler = endAtOnce;
    first(signal);
  };
  return {
    [Symbol.dispose]() {
      handler = endAtOnce;
    },
  };
}

/** Long work that ends in good order when it is told to. Dispose when it is done. */
export interface Stop extends Disposable {
  readonly signal: AbortSignal;
  /** Stops it without an interrupt. */
  abort(): void;
  /** Of work that stopped before its end: the interrupt's, or 1 where there was none. */
  exitCode(): number;
}

/** The first interrupt stops the work and says what is being finished; the second one ends the process. */
export function stopOnInterrupt(say: (line: string) => void, finishing = 'what is in flight'): Stop {
  const stop = new AbortController();
  let endedBy: InterruptSignal | undefined;
  const interrupt = onFirstInterrupt((signal) => {
    endedBy = signal;
    say(`igpt: finishing ${finishing}; once more stops at once`);
    stop.abort();
  });
  return {
    signal: stop.signal,
    abort: () => stop.abort(),
    exitCode: () => (endedBy === undefined ? 1 : interruptExitCode(endedBy)),
    [Symbol.dispose]: () => interrupt[Symbol.dispose](),
  };
}

function endAtOnce(signal: InterruptSignal): void {
  process.stderr.write(`igpt: ended by ${signal}; nothing half-written is left. Run again: ${sameCommand()}\n`);
  // The last of the exit listeners: those before it have cleaned up. process.exit alone would wait for a thread that
  // sits in a system call, on a share that is away or a pipe without a writer, for as long as that takes.
  process.once('exit', () => endBySignal(signal));
  process.exit(interruptExitCode(signal));
}

/** Time for the system to deliver a signal to this process. */
const DELIVERY_MS = 1000;

/** Ends this process as if nobody had listened for `signal`: shells count the same exit code. */
function endBySignal(signal: InterruptSignal): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DELIVERY_MS);
  process.kill(process.pid, 'SIGKILL');
}
