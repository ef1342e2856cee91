import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './error.ts';
import { makeDirectory } from './make-directory.ts';
import { hasEnded, processTag, tagPattern } from './process-tag.ts';

/** Name of the folder for files that are being written. No key leads there: a dot in front is escaped. */
export const temporaryFolder = '.igpt-tmp';

/** Another machine's file is left over when it is this old: nobody writes an outcome for a day. Milliseconds. */
const staleMs = 24 * 60 * 60 * 1000;

const namePattern = new RegExp(`^(${tagPattern})-\\d+$`);

let written = 0;

/** Writes `body` to a new file that nobody else knows, down to the disk; returns its path. */
export async function writeTemporary(root: string, body: Uint8Array): Promise<string> {
  written += 1;
  const path = join(root, temporaryFolder, `${processTag}-${written}`);
  const file = await open(path, 'wx').catch(async (error: unknown) => {
    if (!isMissing(error)) throw error;
    await makeDirectory(join(root, temporaryFolder));
    return open(path, 'wx');
  });
  try {
    await file.writeFile(body);
    // Without this, a power cut could leave a finished name over an empty file.
    await file.datasync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return path;
}

/** Removes what runs that were killed have left behind; the files of live ones stay. */
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
