import { PictureError } from '../ports/error.ts';

/** How to read one value: its size (bytes), and its number at an offset. */
interface ValueType {
  size: number;
  read: (view: DataView, at: number, littleEndian: boolean) => number;
}

const byte: ValueType = { size: 1, read: (view, at) => view.getUint8(at) };
const short: ValueType = { size: 2, read: (view, at, little) => view.getUint16(at, little) };
const long: ValueType = { size: 4, read: (view, at, little) => view.getUint32(at, little) };
const rational: ValueType = {
  size: 8,
  read: (view, at, little) => view.getUint32(at, little) / view.getUint32(at + 4, little),
};
const float: ValueType = { size: 4, read: (view, at, little) => view.getFloat32(at, little) };
const double: ValueType = { size: 8, read: (view, at, little) => view.getFloat64(at, little) };
const long8: ValueType = { size: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) };

/** TIFF's numbers of the types that describe a picture. */
const types = new Map([
  [1, byte],
  [3, short],
  [4, long],
  [5, rational],
  [11, float],
  [12, double],
  [16, long8],
]);

/** One tag of a directory. */
interface TiffEntry {
  id: number;
  /** Undefined: text, signed integers, or a type that does not exist. */
  type: ValueType | undefined;
  /** How many values the file claims. */
  count: number;
  /** Offset of the first value. */
  at: number;
}

/** The directory of a TIFF's first page. */
export interface TiffDirectory {
  littleEndian: boolean;
  /** Reads the entries one by one: their number in the file is only a claim. */
  entries: () => Generator<TiffEntry>;
  /** Where the offset of the next page's directory is; 0 means that there is none. */
  link: { at: number; type: ValueType };
}

/**
 * Reads from the first directory of a TIFF or BigTIFF in either byte order. No link to another directory is followed.
 *
 * @throws {PictureError} corrupt_image when an offset lies outside the file
 */
export function readFirstDirectory<T>(bytes: Uint8Array, read: (view: DataView, directory: TiffDirectory) => T): T {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return read(view, firstDirectory(view));
  } catch (cause) {
    // Only a DataView throws it, for an offset outside of it.
    if (!(cause instanceof RangeError)) throw cause;
    throw new PictureError('corrupt_image', 'The TIFF picture is cut off: its data ends too early.', { cause });
  }
}

function firstDirectory(view: DataView): TiffDirectory {
  const littleEndian = view.getUint8(0) === 0x49;
  // The version is 42 in TIFF and 43 in BigTIFF, where counts and offsets have 8 bytes.
  const big = view.getUint16(2, littleEndian) === 43;
  const word = big ? long8 : long;
  const counter = big ? long8 : short;
  const start = word.read(view, big ? 8 : 4, littleEndian);
  const entryCount = counter.read(view, start, littleEndian);
  const firstEntry = start + counter.size;
  const entrySize = 4 + 2 * word.size;

  function* entries(): Generator<TiffEntry> {
    for (let i = 0; i < entryCount; i += 1) {
      const entry = firstEntry + i * entrySize;
      const type = types.get(view.getUint16(entry + 2, littleEndian));
      const count = word.read(view, entry + 4, littleEndian);
      const inside = entry + 4 + word.size;
      // Values that do not fit into the entry are elsewhere.
      const at = count * (type?.size ?? 0) <= word.size ? inside : word.read(view, inside, littleEndian);
      yield { id: view.getUint16(entry, littleEndian), type, count, at };
    }
  }

  return { littleEndian, entries, link: { at: firstEntry + entryCount * entrySize, type: word } };
}
