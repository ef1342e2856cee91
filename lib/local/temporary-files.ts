import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../files/make-directory.ts';
import { hasEnded, processTag, tagPattern } from '../files/process-tag.ts';
import { openRegularFile } from '../files/regular-file.ts';
import { isMissing } from './error.ts';

/** Folder of files that are being written. No key leads there, because a first dot is escaped. */
export const temporaryFolder = '.igpt-tmp';

/** A file of another machine counts as left over after this time (milliseconds). Writing an outcome takes much less. */
const staleMs = 24 * 60 * 60 * 1000;

const namePattern = new RegExp(`^(${tagPattern})-\\d+$`);

let written = 0;

/** Writes `body` to a new temporary file and flushes it to disk. Returns the path. */
export async function writeTemporary(root: string, body: Uint8Array): Promise<string> {
  written += 1;
  const path = join(root, temporaryFolder, `${processTag}-${written}`);
  const file = await openRegularFile(path, 'create').catch(async (error: unknown) => {
    if (!isMissing(error)) throw error;
    await makeDirectory(join(root, temporaryFolder));
    return openRegularFile(path, 'create');
  });
  try {
    await file.writeFile(body);
    // Without flushing, a power cut could leave a final name with an empty file.
    await file.datasync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return path;
}

/** Removes the files of killed processes. Files of live processes stay. */
export async function removeStaleTemporaries(root: string): Promise<void> {
  const folder = join(root, temporaryFolder);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const path = join(folder, name);
    if (await isStale(name, path)) await rm(path, { force: true });
  }
}

async function isStale(name: string, path: string): Promise<boolean> {
  const [, tag = ''] = namePattern.exec(name) ?? [];
  const ended = hasEnded(tag);
  if (ended !== undefined) return ended;
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs > staleMs;
}
