/** A field of an image file directory. */
export interface IfdField {
  /** Type code (TIFF 6.0, section 2). */
  type: number;
  data: Buffer;
  littleEndian: boolean;
}

/** Bytes of one value, by type code. BigTIFF adds 16 to 18. Fields of other types are skipped. */
const valueBytes: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
};

/** The starts of a TIFF header that Pillow accepts. Two have the version in the wrong byte order. */
const headers = ['MM\0*', 'II*\0', 'MM*\0', 'II\0*', 'MM\0+', 'II+\0'];

/**
 * The fields of the first directory of a TIFF, a BigTIFF or an EXIF block, by tag; undefined if the bytes are none. It
 * reads a damaged directory as Pillow 13 does: the first field of a tag counts, fields that together are longer than
 * the file are skipped, and reading stops at a field outside the file.
 */
export function readFirstIfd(bytes: Uint8Array): Map<number, IfdField> | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = file.toString('latin1', 0, 4);
  if (!headers.includes(header)) return undefined;
  const fields = new Map<number, IfdField>();
  const littleEndian = header.startsWith('II');
  const big = header.includes('+');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u16 = (at: number) => view.getUint16(at, littleEndian);
  /** An offset or a count: 8 bytes in BigTIFF, else 4. */
  const long = (at: number) => (big ? Number(view.getBigUint64(at, littleEndian)) : view.getUint32(at, littleEndian));
  const [inline, entryBytes] = big ? [8, 20] : [4, 12];
  try {
    const start = long(big ? 8 : 4);
    const count = big ? long(start) : u16(start);
    const firstEntry = start + (big ? 8 : 2);
    let total = 0;
    for (let i = 0; i < count; i += 1) {
      const entry = firstEntry + i * entryBytes;
      const [tag, type, length] = [u16(entry), u16(entry + 2), long(entry + 4)];
      if (fields.has(tag)) continue;
      const size = length * (valueBytes[type] ?? 0);
      const value = entry + entryBytes - inline;
      if (size > inline) total += size;
      if (total > file.length && size > inline) continue;
      const from = size > inline ? long(value) : value;
      if (from + size > file.length || value + inline > file.length) return fields;
      if (size > 0) fields.set(tag, { type, data: file.subarray(from, from + size), littleEndian });
    }
  } catch (error) {
    // The directory is cut off: an offset outside the file.
    if (!(error instanceof RangeError)) throw error;
  }
  return fields;
}

/** The first value of a field as a number; undefined if it is text or bytes. */
export function fieldNumber({ type, data, littleEndian }: IfdField): number | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (type) {
    case 3:
      return view.getUint16(0, littleEndian);
    case 4:
    case 13:
      return view.getUint32(0, littleEndian);
    case 5:
      return view.getUint32(0, littleEndian) / view.getUint32(4, littleEndian);
    case 6:
      return view.getInt8(0);
    case 8:
      return view.getInt16(0, littleEndian);
    case 9:
      return view.getInt32(0, littleEndian);
    case 10:
      return view.getInt32(0, littleEndian) / view.getInt32(4, littleEndian);
    case 11:
      return view.getFloat32(0, littleEndian);
    case 12:
      return view.getFloat64(0, littleEndian);
    case 16:
      return Number(view.getBigUint64(0, littleEndian));
    default:
      return undefined;
  }
}
