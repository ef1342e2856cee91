import { constants } from 'node:os';
import { sameCommand } from './invocation.ts';

export type InterruptSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Exit code of a process that a signal ended, as in shells: 130 for SIGINT, 143 for SIGTERM. */
export function interruptExitCode(signal: InterruptSignal): number {
  return 128 + constants.signals[signal];
}

/**
 * Signals closer together than this count as one (milliseconds). One Ctrl-C can arrive twice: from the terminal, and
 * from npm or our own launcher, which forward it. Nobody presses the key twice this fast.
 */
const sameKeystrokeMs = 250;

let handler: (signal: InterruptSignal) => void = endAtOnce;

/** Catches signals from now on. They end the process, unless a verb handles them. */
export function watchInterrupts(): void {
  let last = -Infinity;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const at = performance.now();
      if (at - last >= sameKeystrokeMs) {
        last = at;
        handler(signal);
      }
    });
  }
}

/** Calls `first` for the first signal; the second ends the process. After disposal, every signal ends the process. */
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

/** Stops long work in good order. Dispose it when the work is done. */
export interface Stop extends Disposable {
  readonly signal: AbortSignal;
  /** Stops the work without an interrupt. */
  abort(): void;
  /** Exit code for stopped work: the interrupt's, or 1 without an interrupt. */
  exitCode(): number;
}

/** The first interrupt stops the work and prints what is being finished; the second ends the process. */
export function stopOnInterrupt(say: (line: string) => void, finishing = 'what is in flight'): Stop {
  const stop = new AbortController();
  let endedBy: InterruptSignal | undefined;
  const interrupt = onFirstInterrupt((signal) => {
    endedBy = signal;
    say(`igpt: finishing ${finishing}; interrupt again to stop at once`);
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
  process.stderr.write(`igpt: stopped by ${signal}; no partly written file is left. Run again: ${sameCommand()}\n`);
  // This exit listener is added last, so the others clean up first. process.exit alone would wait for a thread that is
  // blocked in a system call, such as on an unreachable share or a pipe without a writer.
  process.once('exit', () => endBySignal(signal));
  process.exit(interruptExitCode(signal));
}

/** How long the system may take to deliver a signal to this process (milliseconds). */
const deliveryMs = 1000;

/** Ends this process as if it had no listener for `signal`, so that shells see the same exit code. */
function endBySignal(signal: InterruptSignal): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, deliveryMs);
  process.kill(process.pid, 'SIGKILL');
}
