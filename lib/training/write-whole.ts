import { rename, rm, writeFile } from 'node:fs/promises';
import { notWritable } from './not-writable.ts';

/**
 * Writes a small file that takes its name when it is whole; what had the name goes only then.
 *
 * @throws TrainingError `run_not_writable`
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await writeFile(temporary, content, { flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw notWritable(path, error);
  }
}
