import { ImageGptError } from '../../image-gpt/error.ts';
import { decodeNpy, NpyError } from '../../image-gpt/npy.ts';
import { UsageError } from '../usage-error.ts';
import { NotRegularFileError, openRegularFile } from './open-regular-file.ts';

/**
 * Reads labels [N] (or [N, 1]) of any integer type.
 *
 * @throws UsageError when there is no such file; ImageGptError `npy_invalid`
 */
export async function readNpyLabels(path: string): Promise<Float64Array> {
  const bytes = await readFile(path);
  try {
    const { shape, dtype, data } = decodeNpy(bytes);
    if (shape.length === 0 || shape.slice(1).some((size) => size !== 1) || !/^[iub]/.test(dtype)) {
      throw new ImageGptError(
        'npy_invalid',
        `${path}: expected labels [N] of an integer dtype, got [${shape.join(', ')}] of ${dtype}`,
      );
    }
    return data;
  } catch (error) {
    throw error instanceof NpyError
      ? new ImageGptError(error.code, `${path}: ${error.message}`, { cause: error })
      : error;
  }
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    await using file = await openRegularFile(path);
    return await file.readFile();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    const came = cause instanceof NotRegularFileError ? 'it is a folder, a pipe or a device' : code;
    throw new UsageError(`could not read ${path} (${came}); expected an npy file with labels`, { cause });
  }
}
