type OutputFailure = (error: NodeJS.ErrnoException) => void;

let failed = false;

/** `igpt … | head`: a reader that has seen enough is no error. A full disk is one. */
let handle: OutputFailure = (error) => {
  if (error.code === 'EPIPE') {
    process.exit(process.exitCode ?? 0);
  }
  process.stderr.write(
    `igpt: could not write to standard output (${error.code}); free some space, or write elsewhere\n`,
  );
  process.exit(1);
};

/** From now on a failure of standard output ends the process in one line, unless a verb says otherwise. */
export function watchStandardOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!failed) {
      failed = true;
      handle(error);
    }
  });
  // Words that nobody can read are no reason to stop.
  process.stderr.on('error', () => {});
}

/** What to do, once, when standard output fails: EPIPE says that nobody reads it any more. */
export function onOutputFailure(failure: OutputFailure): void {
  handle = failure;
}

/** Writes to standard output; resolves when the text is on its way, so that a slow reader slows the writer. */
export function writeOut(text: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (failed) {
    resolve();
  } else {
    process.stdout.write(text, () => resolve());
  }
  return promise;
}
