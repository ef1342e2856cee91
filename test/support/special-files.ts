import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/** Things that can have the place of a file, and what messages call them. */
export const specialFiles = [
  ['a pipe', (path: string) => void execFileSync('mkfifo', [path])],
  ['a link to a pipe', linkToPipe],
  ['a folder', (path: string) => mkdirSync(path)],
  ['a link to a device', (path: string) => symlinkSync('/dev/zero', path)],
] as const;

function linkToPipe(path: string): void {
  execFileSync('mkfifo', [`${path}.pipe`]);
  symlinkSync(`${path}.pipe`, path);
}

/** A socket at `path`, which goes when the server is closed. */
export async function socketAt(path: string): Promise<Server> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  return server;
}
