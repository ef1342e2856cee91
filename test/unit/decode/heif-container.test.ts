import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { asStillAvif, heifCoding, heifTurnsItself } from '../../../lib/decode/heif-container.ts';

const looks = (name: string) => readFileSync(new URL(`../../fixtures/golden/looks/${name}`, import.meta.url));

function box(type: string, ...parts: (Buffer | string)[]): Buffer {
  const data = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + data.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, data]);
}

/** A file with items, numbered from 1, and one of them as its picture. */
function heif(primary: number, types: string[], ...properties: Buffer[]): Buffer {
  const items = types.map((type, i) => box('infe', `\x02\0\0\0\0${String.fromCharCode(i + 1)}\0\0`, type, '\0'));
  return Buffer.concat([
    box('ftyp', 'mif1\0\0\0\0mif1'),
    box(
      'meta',
      '\0\0\0\0',
      box('pitm', `\0\0\0\0\0${String.fromCharCode(primary)}`),
      box('iinf', `\0\0\0\0\0${String.fromCharCode(types.length)}`, ...items),
      box('iprp', box('ipco', ...properties)),
    ),
  ]);
}

describe('heifCoding', () => {
  it('names the coding of the primary picture', () => {
    expect(heifCoding(heif(1, ['av01']))).toBe('AV1');
    expect(heifCoding(heif(2, ['av01', 'hvc1']))).toBe('HEVC (HEIC)');
    expect(heifCoding(heif(1, ['j2k1']))).toBe('JPEG 2000');
    expect(heifCoding(heif(1, ['unci']))).toBe('no compression');
    expect(heifCoding(looks('sequence.avif'))).toBe('AV1');
  });

  it('names a coding that it does not know by its type, if that is text', () => {
    expect(heifCoding(heif(1, ['av02']))).toBe('an unknown coding (av02)');
    expect(heifCoding(heif(1, ['a\x9b\n1']))).toBe('an unknown coding');
  });

  it('names the coding of the parts if the picture is put together', () => {
    expect(heifCoding(heif(1, ['grid', 'Exif', 'av01', 'av01']))).toBe('AV1');
  });

  it('reads items with numbers of 4 bytes', () => {
    const item = box('infe', '\x03\0\0\0\0\x01\0\0\0\0', 'hvc1', '\0');
    const meta = ['\0\0\0\0', box('pitm', '\x01\0\0\0\0\x01\0\0'), box('iinf', '\x01\0\0\0\0\0\0\x01', item)];
    expect(heifCoding(box('meta', ...meta))).toBe('HEVC (HEIC)');
  });

  it('is undefined for a file that is cut off, wherever, before its items', () => {
    const whole = heif(1, ['av01']);
    const items = whole.indexOf('av01') + 4;
    for (let length = 0; length < items; length += 1) {
      expect(heifCoding(whole.subarray(0, length)), `${length} bytes`).toBeUndefined();
    }
  });

  it('ends for boxes that claim no size or a huge one', () => {
    const lying = heif(1, ['av01']);
    lying.writeUInt32BE(4, 0);
    expect(heifCoding(lying)).toBeUndefined();
    lying.writeUInt32BE(0xffffffff, 0);
    expect(heifCoding(lying)).toBeUndefined();
  });
});

describe('asStillAvif', () => {
  it('changes the four bytes of the major brand in a copy', () => {
    const animation = looks('sequence.avif');
    const still = asStillAvif(animation);
    expect(animation.toString('latin1', 8, 12)).toBe('avis');
    expect(Buffer.from(still).toString('latin1', 8, 12)).toBe('avif');
    expect(Buffer.compare(still.subarray(12), animation.subarray(12))).toBe(0);
  });
});

describe('heifTurnsItself', () => {
  it('finds a rotation or a mirroring among the properties', () => {
    expect(heifTurnsItself(heif(1, ['av01'], box('ispe', '\0'.repeat(12))))).toBe(false);
    expect(heifTurnsItself(heif(1, ['av01'], box('irot', '\x01')))).toBe(true);
    expect(heifTurnsItself(heif(1, ['av01'], box('imir', '\0')))).toBe(true);
  });
});
