import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { mapInOrder } from '../async/map-in-order.ts';
import { errorCode, ImageGptError, PictureError } from '../ports/error.ts';

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

/** What became of one FILE argument. */
export type PictureFile<T> =
  | { file: string; status: 'succeeded'; value: T }
  | { file: string; status: 'failed'; code: string; message: string };

interface EachPictureOptions {
  /** Larger files fail unread. */
  maxBytes: number;
  /** Files that are worked on at once; bounds what is in memory. */
  concurrency: number;
}

/**
 * Gives the bytes of each file to `work` and yields what became of it, in the order of `files`. An expected error ends
 * one file, any other one everything.
 */
export function eachPicture<T>(
  files: readonly string[],
  { maxBytes, concurrency }: EachPictureOptions,
  work: (bytes: Uint8Array) => Promise<T>,
): AsyncGenerator<PictureFile<T>> {
  return mapInOrder(files, concurrency, async (file): Promise<PictureFile<T>> => {
    try {
      return { file, status: 'succeeded', value: await work(await readPicture(file, maxBytes)) };
    } catch (error) {
      if (error instanceof ImageGptError) {
        return { file, status: 'failed', code: error.code, message: error.message };
      }
      throw error;
    }
  });
}

async function readPicture(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    await using file = await openRegularFile(path);
    const stat = await file.stat();
    if (stat.size === 0) {
      throw new PictureError('empty_object', 'Expected a picture, received 0 bytes.');
    }
    if (stat.size > maxBytes) {
      throw new PictureError(
        'image_too_large',
        `Expected at most ${maxBytes} bytes, received ${stat.size}; --max-megabytes allows more.`,
      );
    }
    return await file.readFile();
  } catch (error) {
    if (error instanceof NotRegularFileError) {
      throw new ImageGptError('not_a_file', 'Expected a picture, this is no file; igpt run reads directories.', {
        cause: error,
      });
    }
    const code = errorCode(error);
    if (code === undefined || error instanceof ImageGptError) throw error;
    throw code === 'ENOENT'
      ? new ImageGptError('not_found', 'There is no such file.', { cause: error })
      : new ImageGptError('not_readable', `The file could not be read (${code}).`, { cause: error });
  }
}
