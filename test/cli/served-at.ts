import type { ChildProcessWithoutNullStreams } from 'node:child_process';

/** Resolves with the page's URL that `igpt run --serve` prints. Call it at once, or output is lost. */
export function servedAt(child: ChildProcessWithoutNullStreams): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let printed = '';
  child.stderr.on('data', (piece: Buffer | string) => {
    printed += piece;
    const [, url] = /live report: (\S+)/.exec(printed) ?? [];
    if (url !== undefined) resolve(url);
  });
  child.on('close', () => reject(new Error(`Expected the URL of the live report, received: ${printed}`)));
  return promise;
}
