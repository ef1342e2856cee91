import { fileURLToPath } from 'node:url';
import { readPictureFile } from '../local/picture-files.ts';
import { UsageError } from '../ports/error.ts';

/** A picture file: a path, a file URL, or its bytes (Uint8Array). */
export type PictureFile = string | URL | Uint8Array;

/** A picture: a file (see {@link PictureFile}), or its tokens (Uint16Array [n]). */
export type PictureInput = PictureFile | Uint16Array;

/**
 * Reads the bytes of a picture.
 *
 * @throws {UsageError} when it is none of the types
 * @throws {PictureError} `image_too_large`
 * @throws {ImageGptError} `not_found`, `not_a_file`, `not_readable`
 */
export async function readPicture(picture: PictureFile, maxBytes: number): Promise<Uint8Array> {
  if (picture instanceof Uint8Array) return picture;
  const path = pathOf(picture, 'a path, a file URL, the bytes of a file (Uint8Array) or tokens (Uint16Array)');
  return readPictureFile(path, { maxBytes, largerAdvice: 'raise the limit with maxBytes' });
}

/** @throws {UsageError} when the value, which may come from JavaScript, is neither a string nor a file URL */
export function pathOf(value: string | URL, expected: string): string {
  if (typeof value === 'string') return value;
  if (value instanceof URL && value.protocol === 'file:') return fileURLToPath(value);
  throw new UsageError(`expected ${expected}, received ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value instanceof URL) return value.protocol;
  return typeof value === 'object' ? (value?.constructor?.name ?? 'null') : typeof value;
}
