import { ImageGptError } from '../../image-gpt/error.ts';
import { type NpyRows, openNpyRows } from './npy-rows.ts';

/** Tokens or a mask for a model of n positions, read by rows and checked on the way. */
export interface TokenRows extends AsyncDisposable {
  /** N */
  rows: number;
  /** Rows `start` to `start + count`, [count, n]. */
  read(start: number, count: number): Promise<Uint16Array>;
}

interface Expected {
  /** n */
  columns: number;
  /** Values are 0 to this, exclusive. */
  below: number;
  /** What a value is, for messages: token, mask value. */
  what: string;
}

/**
 * Opens an npy file [N, n] whose values are whole numbers from 0 to `below - 1`. Values are checked as they are read.
 *
 * @throws ImageGptError `wrong_shape`, `value_out_of_range`, and what {@link openNpyRows} throws
 */
export async function openTokenRows(path: string, { columns, below, what }: Expected): Promise<TokenRows> {
  const file = await openNpyRows(path);
  if (file.columns !== columns) {
    await file[Symbol.asyncDispose]();
    throw new ImageGptError(
      'wrong_shape',
      `${path}: expected [N, ${columns}], as the model reads ${columns} tokens a picture, got [${file.rows}, ${file.columns}]`,
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
      `${file.path}: expected every ${what} from 0 to ${below - 1}, got ${values[wrong]} in row ${row}, column ${wrong % file.columns}`,
    );
  }
  return Uint16Array.from(values);
}
