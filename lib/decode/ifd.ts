import { byte, firstDirectory } from './tiff-directory.ts';

/** A field of an image file directory. */
export interface IfdField {
  /** The first value; NaN for text and bytes. */
  number: number;
  data: Buffer;
}

/**
 * The fields of the first directory of a TIFF, a BigTIFF or an EXIF block, by tag; undefined if the bytes are none. It
 * reads a damaged directory as Pillow 13 does: the first field of a tag counts, fields that together are longer than
 * the file are skipped, and reading stops at a field outside the file.
 */
export function readFirstIfd(bytes: Uint8Array): Map<number, IfdField> | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = new Map<number, IfdField>();
  try {
    const directory = firstDirectory(file);
    if (!directory) return undefined;
    const { view, littleEndian, inlineBytes, entries } = directory;
    let total = 0;
    for (const { id, type, count, at } of entries()) {
      if (fields.has(id)) continue;
      const size = count * (type?.size ?? 0);
      if (size > inlineBytes) {
        total += size;
        if (total > file.length) continue;
      }
      if (at + Math.max(size, inlineBytes) > file.length) return fields;
      if (!type || size === 0) continue;
      // Pillow reads BYTE as bytes.
      const number = type === byte ? Number.NaN : type.read(view, at, littleEndian);
      fields.set(id, { number, data: file.subarray(at, at + size) });
    }
  } catch (error) {
    // The directory is cut off: an offset outside the file.
    if (!(error instanceof RangeError)) throw error;
  }
  return fields;
}
