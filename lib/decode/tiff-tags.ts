import { readFirstDirectory } from './tiff-directory.ts';

/** The tags that say how samples are stored and what they mean, by their numbers in TIFF 6.0. */
const tagNames = [
  [258, 'bitsPerSample'],
  [259, 'compression'],
  [262, 'photometric'],
  [277, 'samplesPerPixel'],
  [284, 'planarConfiguration'],
  [317, 'predictor'],
  [320, 'colorMap'],
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

/** Values of a tag that are read: one more than a palette of 8 bits has. The count in a file is only a claim. */
const maxValues = 3 * 256 + 1;

/**
 * Reads the tags of a TIFF's first page. It reads at most {@link maxValues} values of a tag, and allocates nothing by a
 * size that the file claims.
 *
 * @throws {PictureError} corrupt_image when an offset lies outside the file
 */
export function readTiffTags(bytes: Uint8Array): TiffTags {
  return readFirstDirectory(bytes, ({ view, littleEndian, entries }) => {
    const tags = new Map<TagName, readonly number[]>();
    for (const { id, type, count, at } of entries()) {
      const name = names.get(id);
      // libtiff, too, uses the first of two equal tags.
      if (name === undefined || tags.has(name)) continue;
      // Of a profile, only its presence matters.
      const length = name === 'iccProfile' ? 0 : Math.min(count, maxValues);
      const read = (_: unknown, i: number) => (type ? type.read(view, at + i * type.size, littleEndian) : Number.NaN);
      tags.set(name, Array.from({ length }, read));
    }
    return tags;
  });
}
