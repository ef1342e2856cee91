import { rm } from 'node:fs/promises';
import { isAlive } from '../files/process-tag.ts';
import { createFile, readTextFile } from '../files/regular-file.ts';
import { isMissing } from '../local/error.ts';
import type { Clock } from '../ports/clock.ts';
import { errorCode } from '../ports/error.ts';
import { TrainingError } from './error.ts';

/** A lock file is empty until its process has written its id. A process that takes longer is dead (milliseconds). */
const emptyMs = 500;

/**
 * Locks a training directory for this process. The lock of a process that was killed is taken over.
 *
 * @throws TrainingError `run_busy`
 */
export async function lockTraining(path: string, clock: Clock): Promise<AsyncDisposable> {
  for (;;) {
    try {
      await createFile(path, String(process.pid));
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const owner = Number(await ownerOf(path, clock));
    // In a restarted container, this process may have the id of the killed one.
    if (Number.isInteger(owner) && owner > 0 && owner !== process.pid && isAlive(owner)) {
      throw new TrainingError(
        'run_busy',
        `process ${owner} trains in this directory; wait until it ends, choose another --out, or remove ${path} if that process is not igpt`,
      );
    }
    await rm(path, { force: true });
  }
}

/** Id of the process that holds the lock; empty without a lock, or if the process died before it wrote its id. */
async function ownerOf(path: string, clock: Clock): Promise<string> {
  const text = await readIfThere(path);
  if (text !== '') return text ?? '';
  await clock.sleep(emptyMs);
  return (await readIfThere(path)) ?? '';
}

function readIfThere(path: string): Promise<string | undefined> {
  return readTextFile(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}
