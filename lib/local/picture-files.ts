import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pMapIterable } from 'p-map';
import { errorCode, ImageGptError, PictureError } from '../ports/error.ts';

/** The path is a folder, a pipe, a socket or a device. */
export class NotRegularFileError extends Error {}

/**
 * Opens a regular file for reading. Refuses pipes, because a thread that waits for a pipe's writer cannot be stopped.
 *
 * @throws {NotRegularFileError} and errors of the system
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) {
      throw new NotRegularFileError('expected a file, received a folder, a pipe or a device');
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Result of a FILE argument. */
export type PictureFile<T> =
  | { file: string; status: 'succeeded'; value: T }
  | { file: string; status: 'failed'; code: string; message: string };

interface EachPictureOptions {
  /** Larger files fail without being read (bytes). */
  maxBytes: number;
  /** Files that are processed at the same time. Limits the memory. */
  concurrency: number;
}

/**
 * Calls `work` with the bytes of each file and yields the results in the order of `files`. An expected error fails only its
 * file; any other error is thrown.
 */
export function eachPicture<T>(
  files: readonly string[],
  { maxBytes, concurrency }: EachPictureOptions,
  work: (bytes: Uint8Array) => Promise<T>,
): AsyncIterable<PictureFile<T>> {
  return pMapIterable(files, workOn, { concurrency, backpressure: concurrency });

  async function workOn(file: string): Promise<PictureFile<T>> {
    try {
      return { file, status: 'succeeded', value: await work(await readPicture(file, maxBytes)) };
    } catch (error) {
      if (error instanceof ImageGptError) {
        return { file, status: 'failed', code: error.code, message: error.message };
      }
      throw error;
    }
  }
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
        `Expected at most ${maxBytes} bytes, received ${stat.size}; raise the limit with --max-megabytes.`,
      );
    }
    return await file.readFile();
  } catch (error) {
    if (error instanceof NotRegularFileError) {
      throw new ImageGptError(
        'not_a_file',
        'Expected a picture, received a folder, a pipe or a device; igpt run reads directories.',
        {
          cause: error,
        },
      );
    }
    const code = errorCode(error);
    if (code === undefined || error instanceof ImageGptError) throw error;
    throw code === 'ENOENT'
      ? new ImageGptError('not_found', 'Expected a picture, but the file does not exist.', { cause: error })
      : new ImageGptError('not_readable', `Expected a readable picture, but the system said ${code}.`, {
          cause: error,
        });
  }
}
