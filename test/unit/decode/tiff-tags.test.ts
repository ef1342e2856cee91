import { describe, expect, it } from 'vitest';
import { readTiffTags } from '../../../lib/decode/tiff-tags.ts';
import { PictureError } from '../../../lib/ports/error.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { byte, long, rational, short, type TiffOptions, tiffFile } from '../../support/tiff-file.ts';

const page: TiffOptions = { width: 2, height: 1, samples: 3, bits: 8, photometric: 2, levels: [1, 2, 3, 4, 5, 6] };

/** Formats of a header. */
const headers = [
  { name: 'TIFF, little-endian', options: {} },
  { name: 'TIFF, big-endian', options: { bigEndian: true } },
  { name: 'BigTIFF, little-endian', options: { bigTiff: true } },
  { name: 'BigTIFF, big-endian', options: { bigTiff: true, bigEndian: true } },
];

describe('readTiffTags', () => {
  it.each(headers)('reads values inside and outside of an entry: $name', ({ options }) => {
    const tags = { 530: short(2, 1), 532: rational(0, 255, 128, 255.5, 128, 255), 332: byte(1), 334: long(70_000) };
    const read = readTiffTags(tiffFile({ ...page, ...options, tags }));
    expect(Object.fromEntries(read)).toEqual({
      bitsPerSample: [8, 8, 8],
      compression: [1],
      photometric: [2],
      samplesPerPixel: [3],
      planarConfiguration: [1],
      yCbCrSubSampling: [2, 1],
      referenceBlackWhite: [0, 255, 128, 255.5, 128, 255],
      inkSet: [1],
      numberOfInks: [70_000],
    });
  });

  it('reads no value of a profile, whose presence alone matters', () => {
    const file = tiffFile({ ...page, tags: { 34675: byte(...Array<number>(9).fill(1)) } });
    file.writeUInt32LE(9_999_999, file.indexOf(Buffer.from([0x73, 0x87, 1, 0])) + 8);
    expect(readTiffTags(file).get('iccProfile')).toEqual([]);
  });

  it('reads at most 769 values of a tag: one more than a palette of 8 bits has', () => {
    const read = readTiffTags(tiffFile({ ...page, tags: { 258: short(...Array<number>(1000).fill(8)) } }));
    expect(read.get('bitsPerSample')).toHaveLength(769);
  });

  it('gives no number for a value of a type that the tag may not have', () => {
    const file = tiffFile(page);
    const entry = file.indexOf(Buffer.from([0x06, 0x01, 3, 0]));
    // Type 2 is text.
    file[entry + 2] = 2;
    expect(readTiffTags(file).get('photometric')).toEqual([Number.NaN]);
  });

  it('uses the first of two equal tags, as libtiff does', () => {
    const file = tiffFile({ ...page, tags: { 259: short(1), 266: short(8) } });
    const entry = file.indexOf(Buffer.from([0x0a, 0x01, 3, 0]));
    file.writeUInt16LE(259, entry);
    expect(readTiffTags(file).get('compression')).toEqual([1]);
  });

  it.each(headers)('says that a file is cut off, wherever that happens: $name', ({ options }) => {
    const file = tiffFile({ ...page, ...options });
    for (let length = 4; length < file.length - 16; length += 1) {
      expect(() => readTiffTags(file.subarray(0, length)), `${length} bytes`).toThrow('cut off');
    }
  });

  it('says so too for an offset or a count beyond the file', () => {
    const offset = tiffFile(page);
    offset.writeUInt32LE(0xffff_fff0, 4);
    const count = tiffFile(page);
    count.writeUInt16LE(0xffff, count.readUInt32LE(4));
    const bigCount = tiffFile({ ...page, bigTiff: true });
    bigCount.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, Number(bigCount.readBigUInt64LE(8)));
    for (const file of [offset, count, bigCount]) expect(() => readTiffTags(file)).toThrow('cut off');
  });

  it('reads or refuses 20,000 damaged headers, and nothing else happens', () => {
    const random = seededRandom(14);
    const files = headers.map(({ options }) =>
      tiffFile({ ...page, ...options, tags: { 532: rational(0, 1, 2, 3, 4, 5) } }),
    );
    const ends = new Set<unknown>();
    let longest = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const file = Buffer.from(files[i % files.length] ?? []);
      for (let flips = 0; flips < 3; flips += 1) {
        file[4 + Math.floor(random() * (file.length - 4))] = Math.floor(random() * 256);
      }
      try {
        for (const values of readTiffTags(file).values()) longest = Math.max(longest, values.length);
        ends.add('read');
      } catch (error) {
        ends.add(error instanceof PictureError ? error.code : error);
      }
    }
    expect(ends).toEqual(new Set(['read', 'corrupt_image']));
    expect(longest).toBe(769);
  });
});
