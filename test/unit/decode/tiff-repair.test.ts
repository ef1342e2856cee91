import { beforeAll, describe, expect, it } from 'vitest';
import { decodePicture, restrictLibvips } from '../../../lib/decode/decode-picture.ts';
import { repairTiff } from '../../../lib/decode/tiff-repair.ts';
import { short, type TiffOptions, tiffFile } from '../../support/tiff-file.ts';

const page: TiffOptions = { width: 2, height: 1, samples: 1, bits: 8, photometric: 1, levels: [5, 200] };
const headers = [{}, { bigEndian: true }, { bigTiff: true }, { bigTiff: true, bigEndian: true }];

/** Writes the offset of a next directory, which ends a file of {@link tiffFile} whose values all fit into entries. */
function linked(options: TiffOptions, next: number): Buffer {
  const file = tiffFile(options);
  const size = options.bigTiff ? 8 : 4;
  const bytes = [...Array<number>(size - 4).fill(0), next >>> 24, (next >> 16) & 255, (next >> 8) & 255, next & 255];
  file.set(options.bigEndian ? bytes : bytes.reverse(), file.length - size);
  return file;
}

beforeAll(() => restrictLibvips(true));

async function pixels(bytes: Uint8Array): Promise<number[]> {
  const recipe = { width: 2, height: 1, resample: 2, crop: 'none' } as const;
  return [...(await decodePicture(bytes, { recipe, maxPixels: 10, allowSvg: false, scaledDecoding: false })).rgb];
}

describe('repairTiff', () => {
  it.each(headers)('makes an invalid orientation or unit of resolution 1: %j', (options) => {
    const valid = tiffFile({ ...page, ...options, tags: { 274: short(1), 296: short(1) } });
    for (const value of [0, 9, 65_535]) {
      const invalid = tiffFile({ ...page, ...options, tags: { 274: short(value), 296: short(value) } });
      expect(Buffer.from(repairTiff(invalid))).toEqual(valid);
    }
  });

  it.each(headers)('removes the link to the next page: %j', (options) => {
    const only = tiffFile({ ...page, ...options });
    for (const next of [8, 9, 1e9])
      expect(Buffer.from(repairTiff(linked({ ...page, ...options }, next)))).toEqual(only);
  });

  it('returns the same bytes when there is nothing to repair, and never changes its input', () => {
    const sound = tiffFile({ ...page, tags: { 274: short(8), 296: short(3) } });
    expect(repairTiff(sound)).toBe(sound);
    const faulty = tiffFile({ ...page, tags: { 274: short(0) } });
    const before = Buffer.from(faulty);
    repairTiff(faulty);
    expect(faulty).toEqual(before);
  });

  it('lets the first page be decoded, as Pillow does', async () => {
    const expected = [5, 5, 5, 200, 200, 200];
    for (const value of [0, 9]) {
      expect(await pixels(tiffFile({ ...page, tags: { 274: short(value), 296: short(value) } }))).toEqual(expected);
    }
    // To the directory itself, into the pixels, beyond the file
    for (const next of [10, 8, 1e9]) expect(await pixels(linked(page, next))).toEqual(expected);
  });
});
