import type { FileHandle } from 'node:fs/promises';
import { ImageGptError } from '../../image-gpt/error.ts';
import { decodeNpy, decodeNpyHeader, decodeNpyValues, NpyError, type NpyHeader } from '../../image-gpt/npy.ts';
import { UsageError } from '../usage-error.ts';
import { NotRegularFileError, openRegularFile } from './open-regular-file.ts';

/** A two-dimensional npy file of integers on disk, read by rows, so that its size costs no memory. */
export interface NpyRows extends AsyncDisposable {
  path: string;
  /** N */
  rows: number;
  /** n */
  columns: number;
  /** Rows `start` to `start + count`, [count, n] in C order. */
  read(start: number, count: number): Promise<Float64Array>;
}

/** NumPy aligns headers to 64 bytes; ours of two sizes takes 128, and no sane writer needs more than this. */
const HEADER_BYTES = 65_536;

/**
 * Opens an npy file of shape [N, n] with an integer (or boolean) dtype.
 *
 * @throws UsageError when there is no such file, or it is a folder or a pipe; ImageGptError `input_not_readable`, `npy_invalid`
 */
export async function openNpyRows(path: string): Promise<NpyRows> {
  const file = await openRegularFile(path).catch((cause: unknown) => {
    if (cause instanceof NotRegularFileError) {
      throw new UsageError(`${path}: expected an npy file, got a folder, a pipe or a device; give a file on disk`, {
        cause,
      });
    }
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new UsageError(`could not read ${path} (${code}); expected an npy file`, { cause });
  });
  try {
    const header = await readHeader(file, path);
    const [rows, columns] = header.shape;
    if (rows === undefined || columns === undefined || header.shape.length !== 2) {
      throw new ImageGptError('npy_invalid', `${path}: expected shape [N, n], got [${header.shape.join(', ')}]`);
    }
    if (!/^[iub]/.test(header.dtype)) {
      throw new ImageGptError('npy_invalid', `${path}: expected an integer dtype, got ${header.dtype}`);
    }
    const { size } = await file.stat();
    const expected = header.dataStart + rows * columns * header.itemBytes;
    if (size !== expected) {
      throw new ImageGptError(
        'npy_invalid',
        `${path}: expected ${expected} bytes for [${rows}, ${columns}] of ${header.dtype}, got ${size}; is the file whole?`,
      );
    }
    // Fortran order keeps a row's values far apart: such a file is read at once.
    const whole = header.fortran ? decodeNpy(await readExactly(file, path, 0, size)).data : undefined;
    const rowBytes = columns * header.itemBytes;
    return {
      path,
      rows,
      columns,
      async read(start, count) {
        if (whole !== undefined) {
          return whole.subarray(start * columns, (start + count) * columns);
        }
        const bytes = await readExactly(file, path, header.dataStart + start * rowBytes, count * rowBytes);
        return decodeNpyValues(bytes, header);
      },
      async [Symbol.asyncDispose]() {
        await file.close();
      },
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: FileHandle, path: string): Promise<NpyHeader> {
  const buffer = new Uint8Array(HEADER_BYTES);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  try {
    return decodeNpyHeader(buffer.subarray(0, bytesRead));
  } catch (error) {
    throw error instanceof NpyError
      ? new ImageGptError(error.code, `${path}: ${error.message}`, { cause: error })
      : error;
  }
}

async function readExactly(file: FileHandle, path: string, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) {
      throw new ImageGptError(
        'input_not_readable',
        `${path} became shorter while it was read; start again with the whole file`,
      );
    }
    done += bytesRead;
  }
  return bytes;
}
