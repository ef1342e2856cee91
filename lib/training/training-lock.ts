import { readFile, rm, writeFile } from 'node:fs/promises';
import { isAlive } from '../local/process-tag.ts';
import type { Clock } from '../ports/clock.ts';
import { errorCode } from '../ports/error.ts';
import { TrainingError } from './error.ts';

/** How long a lock may be empty between its creation and its writing (milliseconds); longer means that its process died. */
const emptyLockMs = 500;

/**
 * Keeps a second process out of the directory of a training. The lock of a killed process is taken over.
 *
 * @throws TrainingError `run_busy`
 */
export async function lockTraining(path: string, clock: Clock): Promise<AsyncDisposable> {
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const owner = Number(await ownerOf(path));
    // A restarted container may give us the process id of the previous owner.
    if (Number.isInteger(owner) && owner > 0 && owner !== process.pid && isAlive(owner)) {
      throw new TrainingError(
        'run_busy',
        `process ${owner} trains in this directory; wait until it ends, choose another --out, or remove ${path} if that process is not igpt`,
      );
    }
    await rm(path, { force: true });
  }
}

/** The owner in the lock; empty without a lock, or when its process died before writing it. */
async function ownerOf(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text !== '') return text ?? '';
  await setTimeout(emptyLockMs);
  return readFile(path, 'utf8').catch(() => '');
}
