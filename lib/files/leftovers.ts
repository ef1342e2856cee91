import { createHash } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hasEnded, processTag, tagPattern } from './process-tag.ts';

/** Temporary file or directory beside a path: the unfinished new version (`tmp`), or the replaced version (`old`). */
type Leftover = 'tmp' | 'old';

/** Longest part of a temporary name that comes from the path (bytes). File systems allow 255 for the whole name. */
const longestName = 100;

let made = 0;

/** A new hidden name beside `path`. */
export function nameBeside(path: string, kind: Leftover): string {
  made += 1;
  return join(dirname(path), `.${namePart(path)}.${processTag}-${made}.${kind}`);
}

/**
 * Removes what killed processes left beside `path`. Keeps the files of live processes, and those of other machines, whose
 * processes are unknown. Restores a replaced version if its successor was never put in place.
 */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => []);
  const start = `.${namePart(path)}.`;
  for (const name of names) {
    const [, tag = '', kind] = (name.startsWith(start) && ending.exec(name.slice(start.length))) || [];
    if (hasEnded(tag) !== true) continue;
    const leftover = join(folder, name);
    // The rename succeeds only if `path` does not exist, or is an empty directory.
    const putBack = kind === 'old' && (await succeeds(rename(leftover, path)));
    // Removing another user's file can fail, which does no harm.
    if (!putBack) await succeeds(rm(leftover, { recursive: true, force: true }));
  }
}

const ending = new RegExp(`^(${tagPattern})-\\d+\\.(tmp|old)$`);

function namePart(path: string): string {
  const name = basename(path);
  return Buffer.byteLength(name) <= longestName ? name : createHash('sha256').update(name).digest('hex').slice(0, 32);
}

function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
