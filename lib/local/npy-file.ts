import type { FileHandle } from 'node:fs/promises';
import { NotRegularFileError, openRegularFile, readRegularFile } from '../files/regular-file.ts';
import { decodeNpy, decodeNpyHeader, decodeNpyValues, NpyError, type NpyHeader } from '../image-gpt/npy.ts';
import { errorCode, ImageGptError, UsageError } from '../ports/error.ts';

/** A two-dimensional npy file of integers. It is read by rows, so that a large file needs little memory. */
interface NpyRows extends AsyncDisposable {
  path: string;
  /** N */
  rows: number;
  /** n */
  columns: number;
  /** Rows `start` to `start + count`, [count, n] in C order. */
  read(start: number, count: number): Promise<Float64Array>;
}

/** Longest header that is read (bytes). A header of two sizes normally has 128. */
const maxHeaderBytes = 65_536;

/**
 * Opens an npy file of shape [N, n] with an integer (or boolean) dtype.
 *
 * @throws {UsageError} when the file does not exist, or is a folder, a pipe or a device
 * @throws {ImageGptError} `npy_invalid`
 */
async function openNpyRows(path: string): Promise<NpyRows> {
  const file = await openRegularFile(path).catch((cause: unknown) => {
    if (cause instanceof NotRegularFileError) {
      throw new UsageError(`${path}: expected an npy file, received ${cause.received}; give a file on disk`, { cause });
    }
    const code = errorCode(cause) ?? 'an unknown error';
    throw new UsageError(
      `${path}: expected a readable npy file, but the system said ${code}; check name and permissions`,
      { cause },
    );
  });
  try {
    const header = await readHeader(file, path);
    const [rows, columns] = header.shape;
    if (rows === undefined || columns === undefined || header.shape.length !== 2) {
      throw new ImageGptError('npy_invalid', `${path}: expected shape [N, n], received [${header.shape.join(', ')}]`);
    }
    if (!/^[iub]/.test(header.dtype)) {
      throw new ImageGptError('npy_invalid', `${path}: expected an integer dtype, received ${header.dtype}`);
    }
    const { size } = await file.stat();
    const expected = header.dataStart + rows * columns * header.itemBytes;
    if (size !== expected) {
      throw new ImageGptError(
        'npy_invalid',
        `${path}: expected ${expected} bytes for [${rows}, ${columns}] of ${header.dtype}, received ${size}; check that the file is complete`,
      );
    }
    // In Fortran order the values of a row are far apart, so the file is read at once.
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
  const buffer = new Uint8Array(maxHeaderBytes);
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
        `${path}: expected a file that does not change, but it became shorter; start again with the complete file`,
      );
    }
    done += bytesRead;
  }
  return bytes;
}

/**
 * Reads labels [N] (or [N, 1]) of any integer type.
 *
 * @throws {UsageError} when the file cannot be read
 * @throws {ImageGptError} `npy_invalid`
 */
export async function readNpyLabels(path: string): Promise<Float64Array> {
  const bytes = await readFile(path);
  try {
    const { shape, dtype, data } = decodeNpy(bytes);
    if (shape.length === 0 || shape.slice(1).some((size) => size !== 1) || !/^[iub]/.test(dtype)) {
      throw new ImageGptError(
        'npy_invalid',
        `${path}: expected labels [N] of an integer dtype, received [${shape.join(', ')}] of ${dtype}`,
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
    return await readRegularFile(path);
  } catch (cause) {
    const why =
      cause instanceof NotRegularFileError
        ? `it is ${cause.received}`
        : `the system said ${errorCode(cause) ?? 'an unknown error'}`;
    throw new UsageError(`${path}: expected an npy file with labels, but ${why}`, { cause });
  }
}

/** Tokens or a mask for a model with n positions, read and checked by rows. */
export interface TokenRows extends AsyncDisposable {
  /** N */
  rows: number;
  /** Rows `start` to `start + count`, [count, n]. */
  read(start: number, count: number): Promise<Uint16Array>;
}

interface Expected {
  /** n */
  columns: number;
  /** Values are below this. */
  below: number;
  /** Name of a value in messages: token, mask value. */
  what: string;
}

/**
 * Opens an npy file [N, n] of whole numbers from 0 to `below - 1`. Values are checked when they are read.
 *
 * @throws {UsageError} when the file does not exist, or is a folder, a pipe or a device
 * @throws {ImageGptError} `npy_invalid`, `wrong_shape`, `value_out_of_range`, `input_not_readable`
 */
export async function openTokenRows(path: string, { columns, below, what }: Expected): Promise<TokenRows> {
  const file = await openNpyRows(path);
  if (file.columns !== columns) {
    await file[Symbol.asyncDispose]();
    throw new ImageGptError(
      'wrong_shape',
      `${path}: expected [N, ${columns}] for a model of ${columns} tokens per picture, received [${file.rows}, ${file.columns}]`,
    );
  }
  return {
    rows: file.rows,
    read: (start, count) => readChecked(file, start, count, below, what),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

async function readChecked(
  file: NpyRows,
  start: number,
  count: number,
  below: number,
  what: string,
): Promise<Uint16Array> {
  const values = await file.read(start, count);
  const wrong = values.findIndex((value) => !(value >= 0 && value < below));
  if (wrong >= 0) {
    const row = start + Math.floor(wrong / file.columns);
    throw new ImageGptError(
      'value_out_of_range',
      `${file.path}: expected every ${what} from 0 to ${below - 1}, received ${values[wrong]} in row ${row}, column ${wrong % file.columns}`,
    );
  }
  return Uint16Array.from(values);
}
