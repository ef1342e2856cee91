/** `igpt … | head`: a reader that has seen enough is no error. */
let readerGone = (): void => process.exit(process.exitCode ?? 0);

let gone = false;

/** From now on a reader that closes standard output ends the process quietly, unless a verb says otherwise. */
export function watchStandardOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      throw error;
    }
    if (!gone) {
      gone = true;
      readerGone();
    }
  });
  process.stderr.on('error', () => {});
}

/** What to do, once, when nobody reads standard output any more. */
export function onReaderGone(handle: () => void): void {
  readerGone = handle;
}

/** Writes to standard output; resolves when the text is on its way, so that a slow reader slows the writer. Without a reader it does nothing. */
export function writeOut(text: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (gone) {
    resolve();
  } else {
    process.stdout.write(text, () => resolve());
  }
  return promise;
}
