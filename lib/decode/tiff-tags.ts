import { PictureError } from '../ports/error.ts';

/** The tags that say how samples are stored and what they mean, by their numbers in TIFF 6.0. */
const tagNames = [
  [258, 'bitsPerSample'],
  [259, 'compression'],
  [262, 'photometric'],
  [277, 'samplesPerPixel'],
  [284, 'planarConfiguration'],
  [317, 'predictor'],
  [322, 'tileWidth'],
  [332, 'inkSet'],
  [334, 'numberOfInks'],
  [338, 'extraSamples'],
  [339, 'sampleFormat'],
  [529, 'yCbCrCoefficients'],
  [530, 'yCbCrSubSampling'],
  [532, 'referenceBlackWhite'],
  [34_675, 'iccProfile'],
] as const;

export type TagName = (typeof tagNames)[number][1];

/** The values of the tags that a file has. NaN stands for a value of a type that its tag may not have. */
export type TiffTags = ReadonlyMap<TagName, readonly number[]>;

const names = new Map<number, TagName>(tagNames);

/** Values of a tag that are read. Reference black and white has six; a count in a file is only a claim. */
const maxValues = 8;

/** A type of values: its size (bytes) and how to read one. */
interface ValueType {
  size: number;
  read: (view: DataView, at: number, little: boolean) => number;
}

const byte: ValueType = { size: 1, read: (view, at) => view.getUint8(at) };
const short: ValueType = { size: 2, read: (view, at, little) => view.getUint16(at, little) };
const long: ValueType = { size: 4, read: (view, at, little) => view.getUint32(at, little) };
const long8: ValueType = { size: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) };

/** TIFF's numbers of the types that the tags above may have. */
const types = new Map<number, ValueType>([
  [1, byte],
  [3, short],
  [4, long],
  [5, { size: 8, read: (view, at, little) => view.getUint32(at, little) / view.getUint32(at + 4, little) }],
  // Undefined bytes: the profile.
  [7, byte],
  [11, { size: 4, read: (view, at, little) => view.getFloat32(at, little) }],
  [12, { size: 8, read: (view, at, little) => view.getFloat64(at, little) }],
  [16, long8],
]);

/**
 * Reads the tags of a TIFF's first directory: TIFF or BigTIFF in either byte order. It follows no link to another
 * directory, reads at most {@link maxValues} values of a tag, and allocates nothing by a size that the file claims.
 *
 * @throws {PictureError} corrupt_image when an offset lies outside the file
 */
export function readTiffTags(bytes: Uint8Array): TiffTags {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return readDirectory(view);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new PictureError('corrupt_image', 'The TIFF picture is cut off: its data ends too early.', { cause });
  }
}

function readDirectory(view: DataView): TiffTags {
  const little = view.getUint8(0) === 0x49;
  // The version is 42 in TIFF and 43 in BigTIFF, where counts and offsets have 8 bytes.
  const big = view.getUint16(2, little) === 43;
  const word = big ? long8 : long;
  const entryCount = big ? long8 : short;
  const start = word.read(view, big ? 8 : 4, little);
  const entrySize = 4 + 2 * word.size;
  const tags = new Map<TagName, readonly number[]>();
  const count = entryCount.read(view, start, little);
  for (let i = 0; i < count; i += 1) {
    const entry = start + entryCount.size + i * entrySize;
    const name = names.get(view.getUint16(entry, little));
    const type = types.get(view.getUint16(entry + 2, little));
    // libtiff, too, uses the first of two equal tags.
    if (name === undefined || tags.has(name)) continue;
    tags.set(name, type ? readValues(view, entry + 4, type, word, little) : [Number.NaN]);
  }
  return tags;
}

/** @param at where an entry's count of values is, followed by the values or, if they need more room, by their offset */
function readValues(view: DataView, at: number, type: ValueType, word: ValueType, little: boolean): number[] {
  const count = word.read(view, at, little);
  const inside = at + word.size;
  const start = count * type.size <= word.size ? inside : word.read(view, inside, little);
  return Array.from({ length: Math.min(count, maxValues) }, (_, i) => type.read(view, start + i * type.size, little));
}
