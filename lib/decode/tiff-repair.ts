import { readFirstDirectory, type TiffDirectory } from './tiff-directory.ts';

/** Greatest values of Orientation and ResolutionUnit, by tag. The least is 1. */
const greatestValues = new Map([
  [274, 8],
  [296, 3],
]);

/**
 * Removes what makes libvips fail although Pillow and viewers show the first page: an invalid Orientation or
 * ResolutionUnit (both become 1, the default of the former), and later pages, which may be damaged.
 *
 * @returns the same bytes if there is nothing to remove, else a copy
 * @throws {PictureError} corrupt_image when the directory lies outside the file
 */
export function repairTiff(bytes: Uint8Array): Uint8Array {
  const faults = readFirstDirectory(bytes, findFaults);
  if (faults.length === 0) return bytes;
  const copy = Uint8Array.from(bytes);
  for (const { at, replacement } of faults) copy.set(replacement, at);
  return copy;
}

/** Bytes to replace. */
interface Fault {
  at: number;
  replacement: Uint8Array;
}

function findFaults({ view, littleEndian, entries, link }: TiffDirectory): Fault[] {
  const faults: Fault[] = [];
  const one = littleEndian ? Uint8Array.of(1, 0) : Uint8Array.of(0, 1);
  const found = new Set<number>();
  for (const { id, type, count, at } of entries()) {
    const greatest = greatestValues.get(id);
    if (greatest === undefined || type?.size !== one.length || count !== 1 || found.has(id)) continue;
    found.add(id);
    const value = type.read(view, at, littleEndian);
    if (value < 1 || value > greatest) faults.push({ at, replacement: one });
  }
  const nextPage = link.type.read(view, link.at, littleEndian);
  if (nextPage !== 0) faults.push({ at: link.at, replacement: new Uint8Array(link.type.size) });
  return faults;
}
