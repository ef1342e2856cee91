import { fstatSync } from 'node:fs';
import { pMapIterable } from 'p-map';
import { kindOf, NotRegularFileError, openRegularFile } from '../files/regular-file.ts';
import { errorCode, ImageGptError, InstallationError, PictureError } from '../ports/error.ts';
import { systemSaid } from './error.ts';

/** The FILE argument that stands for standard input. `./-` is a file of that name. */
export const standardInput = '-';

/** A FILE argument in messages and results. */
export function pictureName(file: string): string {
  return file === standardInput ? 'standard input' : file;
}

/** Result of a FILE argument. */
export type PictureFile<T> =
  | { file: string; status: 'succeeded'; value: T }
  | { file: string; status: 'failed'; code: string; message: string };

interface EachPictureOptions {
  /** Larger files fail; what is known to be larger is not read (bytes). */
  maxBytes: number;
  /** What to do about a larger file (default: raise --max-megabytes). */
  largerAdvice?: string | undefined;
  /** Files that are processed at the same time. Limits the memory. */
  concurrency: number;
  /** Bytes of {@link standardInput}, which can be read once (default: those of the process). */
  stdin?: AsyncIterable<Uint8Array> | undefined;
}

/**
 * Calls `work` with the bytes of each file and yields the results in the order of `files`. An expected error fails only its
 * file; any other error is thrown.
 */
export function eachPicture<T>(
  files: readonly string[],
  { maxBytes, largerAdvice, concurrency, stdin = ownInput() }: EachPictureOptions,
  work: (bytes: Uint8Array) => Promise<T>,
): AsyncIterable<PictureFile<T>> {
  return pMapIterable(files, workOn, { concurrency, backpressure: concurrency });

  async function workOn(path: string): Promise<PictureFile<T>> {
    const file = pictureName(path);
    try {
      const limit = { maxBytes, largerAdvice };
      const bytes = await (path === standardInput
        ? readPicture(readStream(stdin, limit))
        : readPictureFile(path, limit));
      return { file, status: 'succeeded', value: await work(bytes) };
    } catch (error) {
      if (error instanceof ImageGptError && !(error instanceof InstallationError)) {
        return { file, status: 'failed', code: error.code, message: error.message };
      }
      throw error;
    }
  }
}

/** Like {@link eachPicture} for one file, whose expected error is thrown with its name. */
export async function onePicture<T>(
  file: string,
  options: Omit<EachPictureOptions, 'concurrency'>,
  work: (bytes: Uint8Array) => Promise<T>,
): Promise<T> {
  for await (const result of eachPicture([file], { ...options, concurrency: 1 }, work)) {
    if (result.status === 'succeeded') return result.value;
    throw new ImageGptError(result.code, `${result.file}: ${result.code}: ${result.message}`);
  }
  throw new Error('one file has one result');
}

type ByteLimit = Pick<EachPictureOptions, 'maxBytes' | 'largerAdvice'>;

/**
 * Reads a picture file whole.
 *
 * @throws {ImageGptError} `not_found`, `not_a_file`, `not_readable`
 * @throws {PictureError} `empty_object`, `image_too_large`
 */
export function readPictureFile(path: string, limit: ByteLimit): Promise<Uint8Array> {
  return readPicture(readFile(path, limit));
}

async function readFile(path: string, limit: ByteLimit): Promise<Uint8Array> {
  await using file = await openRegularFile(path);
  const { size } = await file.stat();
  if (size > limit.maxBytes) throw tooLarge(limit, String(size));
  return await file.readFile();
}

/** Standard input of the process. Node reads a folder there as if it were empty. */
async function* ownInput(): AsyncGenerator<Uint8Array> {
  const received = kindOf(fstatSync(process.stdin.fd));
  if (received === 'a folder') throw new NotRegularFileError('standard input', received);
  yield* process.stdin;
}

async function readStream(stream: AsyncIterable<Uint8Array>, limit: ByteLimit): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > limit.maxBytes) throw tooLarge(limit, 'more');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reading a picture, with the errors of the system in words. */
async function readPicture(reading: Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    const bytes = await reading;
    if (bytes.length === 0) throw new PictureError('empty_object', 'Expected a picture, received 0 bytes.');
    return bytes;
  } catch (error) {
    if (error instanceof NotRegularFileError || errorCode(error) === 'EISDIR') {
      const received = error instanceof NotRegularFileError ? error.received : 'a folder';
      throw new ImageGptError('not_a_file', `Expected a picture, received ${received}; igpt run reads directories.`, {
        cause: error,
      });
    }
    const code = errorCode(error);
    if (code === undefined || error instanceof ImageGptError) throw error;
    throw code === 'ENOENT'
      ? new ImageGptError('not_found', 'Expected a picture, but the file does not exist.', { cause: error })
      : new ImageGptError('not_readable', `Expected a readable picture, but the system said ${systemSaid(error)}.`, {
          cause: error,
        });
  }
}

function tooLarge(limit: ByteLimit, received: string): PictureError {
  const { maxBytes, largerAdvice = 'raise the limit with --max-megabytes' } = limit;
  return new PictureError(
    'image_too_large',
    `Expected at most ${maxBytes} bytes, received ${received}; ${largerAdvice}.`,
  );
}
