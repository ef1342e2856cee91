import { describe, expect, it } from 'vitest';
import { readFirstIfd } from '../../../lib/decode/ifd.ts';
import { type ExifField, exifBlock, orientationField } from '../../support/picture-containers.ts';

const tag = 274;
const bytes = (...values: number[]) => Buffer.from(values);
const after = bytes(8 + 2 + 12 + 4, 0, 0, 0);

function orientationIn(block: Buffer): number | undefined {
  return readFirstIfd(block)?.get(tag)?.number;
}

describe('readFirstIfd', () => {
  it.each<[name: string, type: number, value: Buffer, expected: number]>([
    ['SHORT', 3, bytes(6, 0), 6],
    ['LONG', 4, bytes(6, 0, 0, 0), 6],
    ['IFD', 13, bytes(6, 0, 0, 0), 6],
    ['SBYTE', 6, bytes(0xfe), -2],
    ['SSHORT', 8, bytes(0xfe, 0xff), -2],
    ['SLONG', 9, bytes(0xfe, 0xff, 0xff, 0xff), -2],
    ['FLOAT', 11, bytes(0, 0, 0xc0, 0x40), 6],
    ['BYTE', 1, bytes(6), Number.NaN],
    ['ASCII', 2, Buffer.from('6\0'), Number.NaN],
    ['UNDEFINED', 7, bytes(6), Number.NaN],
  ])('reads a value of type %s', (_, type, value, expected) => {
    const block = exifBlock([[tag, type, 1, value]]);
    expect(readFirstIfd(block)?.has(tag)).toBe(true);
    expect(orientationIn(block)).toBe(expected);
  });

  it('reads values of 8 bytes behind their offset', () => {
    expect(orientationIn(exifBlock([[tag, 5, 1, after]], bytes(12, 0, 0, 0, 2, 0, 0, 0)))).toBe(6);
    expect(orientationIn(exifBlock([[tag, 10, 1, after]], bytes(0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0)))).toBe(-2);
    expect(orientationIn(exifBlock([[tag, 12, 1, after]], bytes(0, 0, 0, 0, 0, 0, 0x18, 0x40)))).toBe(6);
    expect(orientationIn(exifBlock([[tag, 16, 1, after]], bytes(6, 0, 0, 0, 0, 0, 0, 0)))).toBe(6);
  });

  it('reads big-endian blocks, BigTIFF, and headers with the version in the wrong order', () => {
    expect(
      orientationIn(Buffer.from('MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0', 'latin1')),
    ).toBe(6);
    const big = 'II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0';
    expect(orientationIn(Buffer.from(big, 'latin1'))).toBe(6);
    const swapped = exifBlock([orientationField(6)]);
    swapped.write('II\0*', 'latin1');
    expect(orientationIn(swapped)).toBe(6);
  });

  it('takes the first field of a tag and skips empty ones and unknown types', () => {
    expect(orientationIn(exifBlock([orientationField(8), orientationField(6)]))).toBe(8);
    expect(orientationIn(exifBlock([[tag, 3, 0, bytes(8)], orientationField(6)]))).toBe(6);
    expect(orientationIn(exifBlock([[tag, 99, 1, bytes(8)], orientationField(6)]))).toBe(6);
  });

  it('skips a field that is longer than the block, and stops at one outside it', () => {
    const long: ExifField = [270, 2, 4_000_000_000, bytes(8)];
    const outside: ExifField = [270, 2, 5, bytes(0xff, 0xff)];
    expect(orientationIn(exifBlock([long, orientationField(6)]))).toBe(6);
    expect(orientationIn(exifBlock([outside, orientationField(6)]))).toBeUndefined();
  });

  it('returns what it has read of a block that is cut off, and undefined if there is no header', () => {
    const whole = exifBlock([[270, 2, 1, bytes(8)], orientationField(6)]);
    for (let length = 0; length < whole.length; length += 1) {
      const fields = readFirstIfd(Uint8Array.from(whole.subarray(0, length)));
      expect(fields?.size, `${length} bytes`).toBe(length < 4 ? undefined : length < 22 ? 0 : length < 34 ? 1 : 2);
    }
    expect(readFirstIfd(Buffer.from('hello world'))).toBeUndefined();
  });
});
