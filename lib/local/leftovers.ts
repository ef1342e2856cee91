import { createHash } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hasEnded, processTag, tagPattern } from './process-tag.ts';

/** What stands beside a file or directory while it is made: the unfinished new one, or the old one that it replaces. */
type Leftover = 'tmp' | 'old';

/** File systems allow 255 bytes for all of a name. */
const longestName = 100;

let made = 0;

/** A new, hidden name beside `path`. */
export function nameBeside(path: string, kind: Leftover): string {
  made += 1;
  return join(dirname(path), `.${recognisable(path)}.${processTag}-${made}.${kind}`);
}

/**
 * Takes away what processes that were killed have left beside `path`; what live ones are making stays, and so does what
 * comes from another machine, of whose processes nothing is known. An old directory whose successor had not yet come
 * takes its place again.
 */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => []);
  const start = `.${recognisable(path)}.`;
  for (const name of names) {
    const [, tag = '', kind] = (name.startsWith(start) && ending.exec(name.slice(start.length))) || [];
    if (hasEnded(tag) !== true) continue;
    const leftover = join(folder, name);
    // Succeeds only where there is nothing, or an empty directory.
    const putBack = kind === 'old' && (await succeeds(rename(leftover, path)));
    // Somebody else's may not be removed: it is in nobody's way.
    if (!putBack) await succeeds(rm(leftover, { recursive: true, force: true }));
  }
}

const ending = new RegExp(`^(${tagPattern})-\\d+\\.(tmp|old)$`);

function recognisable(path: string): string {
  const name = basename(path);
  return Buffer.byteLength(name) <= longestName ? name : createHash('sha256').update(name).digest('hex').slice(0, 32);
}

function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
