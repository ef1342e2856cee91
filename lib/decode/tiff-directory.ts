import { PictureError } from '../ports/error.ts';

/** How to read one value: its size (bytes), and its number at an offset (NaN for text and bytes). */
export interface ValueType {
  size: number;
  read: (view: DataView, at: number, littleEndian: boolean) => number;
}

export const byte: ValueType = { size: 1, read: (view, at) => view.getUint8(at) };
const bytes: ValueType = { size: 1, read: () => Number.NaN };
const short: ValueType = { size: 2, read: (view, at, little) => view.getUint16(at, little) };
const long: ValueType = { size: 4, read: (view, at, little) => view.getUint32(at, little) };
const rational: ValueType = {
  size: 8,
  read: (view, at, little) => long.read(view, at, little) / long.read(view, at + 4, little),
};
const signedByte: ValueType = { size: 1, read: (view, at) => view.getInt8(at) };
const signedShort: ValueType = { size: 2, read: (view, at, little) => view.getInt16(at, little) };
const signedLong: ValueType = { size: 4, read: (view, at, little) => view.getInt32(at, little) };
const signedRational: ValueType = {
  size: 8,
  read: (view, at, little) => signedLong.read(view, at, little) / signedLong.read(view, at + 4, little),
};
const float: ValueType = { size: 4, read: (view, at, little) => view.getFloat32(at, little) };
const double: ValueType = { size: 8, read: (view, at, little) => view.getFloat64(at, little) };
const long8: ValueType = { size: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) };

/** By type code (TIFF 6.0, section 2; 16 is BigTIFF's). Pillow skips fields of the other types. */
const types = new Map([
  [1, byte],
  [2, bytes],
  [3, short],
  [4, long],
  [5, rational],
  [6, signedByte],
  [7, bytes],
  [8, signedShort],
  [9, signedLong],
  [10, signedRational],
  [11, float],
  [12, double],
  [13, long],
  [16, long8],
]);

/** One tag of a directory. */
interface TiffEntry {
  id: number;
  /** Undefined: a type that does not exist. */
  type: ValueType | undefined;
  /** How many values the file claims. */
  count: number;
  /** Offset of the first value. */
  at: number;
}

/** The first directory of a TIFF or of an EXIF block. */
export interface TiffDirectory {
  view: DataView;
  littleEndian: boolean;
  /** Bytes of a value inside an entry. Longer values are elsewhere. */
  inlineBytes: number;
  /** Reads the entries one by one: their number in the file is only a claim. */
  entries: () => Generator<TiffEntry>;
  /** Where the offset of the next page's directory is; 0 means that there is none. */
  link: { at: number; type: ValueType };
}

/** The starts of a TIFF header that Pillow accepts. Two have the version in the wrong byte order; + is BigTIFF. */
const headers = ['MM\0*', 'II*\0', 'MM*\0', 'II\0*', 'MM\0+', 'II+\0'];

/**
 * Opens the first directory of a TIFF or BigTIFF in either byte order. No link to another directory is followed.
 *
 * @returns undefined if the bytes are no TIFF
 * @throws {RangeError} when an offset lies outside the file; so does reading the entries
 */
export function firstDirectory(file: Uint8Array): TiffDirectory | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const header = String.fromCharCode(...file.subarray(0, 4));
  if (!headers.includes(header)) return undefined;
  const littleEndian = header.startsWith('II');
  // In BigTIFF, counts and offsets have 8 bytes.
  const big = header.includes('+');
  const word = big ? long8 : long;
  const counter = big ? long8 : short;
  const start = word.read(view, big ? 8 : 4, littleEndian);
  const entryCount = counter.read(view, start, littleEndian);
  const firstEntry = start + counter.size;
  const entrySize = 4 + 2 * word.size;

  function* entries(): Generator<TiffEntry> {
    for (let i = 0; i < entryCount; i += 1) {
      const entry = firstEntry + i * entrySize;
      const id = view.getUint16(entry, littleEndian);
      const type = types.get(view.getUint16(entry + 2, littleEndian));
      const count = word.read(view, entry + 4, littleEndian);
      const inside = entry + 4 + word.size;
      const at = count * (type?.size ?? 0) <= word.size ? inside : word.read(view, inside, littleEndian);
      yield { id, type, count, at };
    }
  }

  const link = { at: firstEntry + entryCount * entrySize, type: word };
  return { view, littleEndian, inlineBytes: word.size, entries, link };
}

/**
 * Reads from the first directory of a TIFF.
 *
 * @throws {PictureError} corrupt_image when an offset lies outside the file
 */
export function readFirstDirectory<T>(file: Uint8Array, read: (directory: TiffDirectory) => T): T {
  try {
    const directory = firstDirectory(file);
    if (directory) return read(directory);
  } catch (cause) {
    // Only a DataView throws it, for an offset outside of it.
    if (!(cause instanceof RangeError)) throw cause;
    throw new PictureError('corrupt_image', 'The TIFF picture is cut off: its data ends too early.', { cause });
  }
  throw new PictureError('corrupt_image', 'Expected a TIFF picture, received other bytes.');
}
