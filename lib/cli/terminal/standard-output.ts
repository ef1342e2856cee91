import { printableOutput } from './text.ts';

type OutputFailure = (error: NodeJS.ErrnoException) => void;

let failed = false;

/** A reader that stops early, as in `igpt … | head`, is no error. A full disk is an error. */
let handle: OutputFailure = (error) => {
  if (error.code === 'EPIPE') {
    process.exit(process.exitCode ?? 0);
  }
  process.stderr.write(
    `igpt: could not write to standard output (${error.code}); free some disk space, or write elsewhere\n`,
  );
  process.exit(1);
};

/**
 * The door to the terminal: from now on, text that anything in this process writes to standard output or standard error
 * is escaped (see {@link printableOutput}), on a terminal and elsewhere alike. A verb or a library cannot forget it.
 *
 * Ends the process with one line when standard output fails, unless a verb handles that.
 */
export function guardStandardStreams(): void {
  escapeText(process.stdout);
  escapeText(process.stderr);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!failed) {
      failed = true;
      handle(error);
    }
  });
  // Work continues when nobody reads its messages.
  process.stderr.on('error', () => {});
}

type Written = (error?: Error | null) => void;

function escapeText(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream);
  stream.write = (data: string | Uint8Array, encoding?: BufferEncoding | Written, done?: Written): boolean => {
    const safe = typeof data === 'string' ? printableOutput(data) : data;
    return typeof encoding === 'function' ? write(safe, encoding) : write(safe, encoding, done);
  };
}

/** Calls `failure` once when standard output fails. EPIPE means that its reader has closed it. */
export function onOutputFailure(failure: OutputFailure): void {
  handle = failure;
}

/** Writes to standard output. Resolves when the text was handed over, so that a slow reader slows the writer. */
export function writeOut(text: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (failed) {
    resolve();
  } else {
    process.stdout.write(text, () => resolve());
  }
  return promise;
}
