import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { isAlive } from '../local/process-tag.ts';
import { errorCode } from '../ports/error.ts';
import { TrainingError } from './error.ts';

/** A lock is empty between its making and its writing; for longer only when its process died there. Milliseconds. */
const EMPTY_MS = 500;

/**
 * Keeps a second process out of a run's directory. What a killed one left is taken over.
 *
 * @throws TrainingError `run_busy`
 */
export async function lockTraining(path: string): Promise<AsyncDisposable> {
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const owner = Number(await ownerOf(path));
    // A container that starts anew may give us the number of the one before us.
    if (Number.isInteger(owner) && owner > 0 && owner !== process.pid && isAlive(owner)) {
      throw new TrainingError(
        'run_busy',
        `process ${owner} trains in this directory; wait for its end, choose another --out, or remove ${path} if that process is none of igpt`,
      );
    }
    await rm(path, { force: true });
  }
}

/** Empty where there is no lock, or one that nobody will write. */
async function ownerOf(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text !== '') return text ?? '';
  await setTimeout(EMPTY_MS);
  return readFile(path, 'utf8').catch(() => '');
}
