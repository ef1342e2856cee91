import type { ChildProcessWithoutNullStreams } from 'node:child_process';

/** Where a started `igpt run --serve` says that its page is; call it before anything else waits. */
export function servedAt(child: ChildProcessWithoutNullStreams): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = '';
  child.stderr.on('data', (piece: Buffer | string) => {
    said += piece;
    const [, url] = /live report: (\S+)/.exec(said) ?? [];
    if (url !== undefined) resolve(url);
  });
  child.on('close', () => reject(new Error(`no page: ${said}`)));
  return promise;
}
