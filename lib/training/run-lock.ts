import { readFile, rm, writeFile } from 'node:fs/promises';
import { errorCode } from '../local/file-error.ts';
import { isAlive } from '../local/is-alive.ts';
import { TrainingError } from './error.ts';

/**
 * Keeps a second process out of a run's directory. What a killed one left is taken over.
 *
 * @throws TrainingError `run_busy`
 */
export async function lockRun(path: string): Promise<AsyncDisposable> {
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    // A container that starts anew may give us the number of the one before us.
    if (Number.isInteger(owner) && owner > 0 && owner !== process.pid && isAlive(owner)) {
      throw new TrainingError(
        'run_busy',
        `process ${owner} trains in this directory; wait for its end, or choose another --out`,
      );
    }
    await rm(path, { force: true });
  }
}
