import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** What stands under the name is a folder, a pipe, a socket or a device. */
export class NotRegularFileError extends Error {}

/**
 * Opens a file for reading. Pipes are refused instead of waited for: a thread that waits for a writer cannot be ended.
 *
 * @throws NotRegularFileError, and what the system says
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) {
      throw new NotRegularFileError('expected a file, got a folder, a pipe or a device');
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
