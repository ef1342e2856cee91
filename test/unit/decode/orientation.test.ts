import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Orientation, pictureOrientation, upright } from '../../../lib/decode/orientation.ts';
import {
  exifBlock,
  jpegSegment,
  jpegWith,
  orientationField,
  pngChunk,
  pngWith,
  riffChunk,
  webpWith,
  xmpPacket,
} from '../../support/picture-containers.ts';

let png: Buffer;
let jpeg: Buffer;

beforeAll(async () => {
  const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: '#888' } });
  [png, jpeg] = await Promise.all([pixel.png().toBuffer(), pixel.jpeg().toBuffer()]);
});

const exif = (orientation: number) => exifBlock([orientationField(orientation)]);
const app1 = 0xe1;
const exifSegment = (...parts: (Buffer | string)[]) => jpegSegment(app1, 'Exif\0\0', ...parts);
const xmpSegment = (packet: string) => jpegSegment(app1, 'http://ns.adobe.com/xap/1.0/\0', packet);
const xmpChunk = (packet: string) => pngChunk('iTXt', 'XML:com.adobe.xmp\0\0\0\0\0', packet);
const rawProfile = (data: Buffer, name = 'exif') =>
  `\n${name}\n${String(data.length).padStart(8)}\n${data.toString('hex')}\n`;
const rawKeyword = 'Raw profile type exif\0';

const inJpeg = (...segments: Buffer[]) => pictureOrientation(jpegWith(jpeg, ...segments), 'jpeg', {});
const inPng = (before: Buffer[], after: Buffer[] = []) => pictureOrientation(pngWith(png, before, after), 'png', {});
const inWebp = (flags: number, ...chunks: Buffer[]) => pictureOrientation(webpWith(flags, ...chunks), 'webp', {});

/** Every place that holds an orientation, with a picture that has it there. */
const places: [name: string, read: (orientation: number) => Orientation][] = [
  ['EXIF in JPEG', (o) => inJpeg(exifSegment(exif(o)))],
  ['EXIF with its prefix twice in JPEG', (o) => inJpeg(exifSegment('Exif\0\0', exif(o)))],
  [
    'EXIF in two segments of a JPEG',
    (o) => inJpeg(exifSegment(exif(o).subarray(0, 12)), exifSegment(exif(o).subarray(12))),
  ],
  ['XMP in JPEG', (o) => inJpeg(xmpSegment(xmpPacket(o)))],
  ['eXIf in PNG', (o) => inPng([pngChunk('eXIf', exif(o))])],
  ['eXIf with a prefix in PNG', (o) => inPng([pngChunk('eXIf', 'Exif\0\0', exif(o))])],
  ['eXIf behind the pixels of a PNG', (o) => inPng([], [pngChunk('eXIf', exif(o))])],
  ['a raw profile in tEXt', (o) => inPng([pngChunk('tEXt', rawKeyword, rawProfile(exif(o)))])],
  [
    'a raw profile with a prefix in zTXt',
    (o) => {
      const profile = rawProfile(Buffer.concat([Buffer.from('Exif\0\0'), exif(o)]));
      return inPng([pngChunk('zTXt', rawKeyword, '\0', deflateSync(profile))]);
    },
  ],
  ['a raw profile in iTXt', (o) => inPng([pngChunk('iTXt', rawKeyword, '\0\0\0\0', rawProfile(exif(o)))])],
  ['XMP in PNG', (o) => inPng([xmpChunk(xmpPacket(o))])],
  [
    'compressed XMP in PNG',
    (o) => {
      return inPng([pngChunk('iTXt', 'XML:com.adobe.xmp\0\x01\0en\0key\0', deflateSync(xmpPacket(o)))]);
    },
  ],
  ['EXIF in WebP', (o) => inWebp(0x08, riffChunk('EXIF', exif(o)))],
  [
    'EXIF with a prefix in WebP',
    (o) => inWebp(0x08, riffChunk('EXIF', Buffer.concat([Buffer.from('Exif\0\0'), exif(o)]))),
  ],
  ['XMP in WebP', (o) => inWebp(0x04, riffChunk('XMP ', Buffer.from(xmpPacket(o))))],
  ['the directory of a TIFF', (o) => pictureOrientation(exif(o), 'tiff', {})],
  [
    'XMP in a TIFF',
    (o) => {
      const packet = Buffer.from(xmpPacket(o));
      const offset = Buffer.from([8 + 2 + 12 + 4, 0, 0, 0]);
      return pictureOrientation(exifBlock([[700, 1, packet.length, offset]], packet), 'tiff', {});
    },
  ],
  [
    'XMP in an AVIF that is not turned',
    (o) => pictureOrientation(Buffer.alloc(0), 'heif', { xmp: Buffer.from(xmpPacket(o)) }),
  ],
];

describe('pictureOrientation', () => {
  it.each(places)('reads %s', (_, read) => {
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(read)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it.each(places)('takes 0 and 9 for upright in %s', (_, read) => {
    expect([0, 9].map(read)).toEqual([1, 1]);
  });

  it('prefers EXIF to XMP, even if its value is invalid', () => {
    expect(inJpeg(exifSegment(exif(6)), xmpSegment(xmpPacket(3)))).toBe(6);
    expect(inJpeg(exifSegment(exif(9)), xmpSegment(xmpPacket(3)))).toBe(1);
    expect(inJpeg(exifSegment('no TIFF'), xmpSegment(xmpPacket(3)))).toBe(1);
    expect(inJpeg(exifSegment(exifBlock([])), xmpSegment(xmpPacket(3)))).toBe(3);
    expect(inJpeg(exifSegment(), xmpSegment(xmpPacket(3)))).toBe(3);
  });

  it('prefers eXIf to a raw profile, and the last of two', () => {
    const raw = pngChunk('tEXt', rawKeyword, rawProfile(exif(8)));
    expect(inPng([pngChunk('eXIf', exif(6)), raw])).toBe(6);
    expect(inPng([pngChunk('eXIf', exifBlock([])), raw])).toBe(1);
    expect(inPng([pngChunk('eXIf', exif(6)), pngChunk('eXIf', exif(8))])).toBe(8);
  });

  it('ignores raw profiles of another name, as Pillow does', () => {
    for (const name of ['APP1', 'xmp', 'EXIF']) {
      expect(inPng([pngChunk('tEXt', `Raw profile type ${name}\0`, rawProfile(exif(6), name))])).toBe(1);
    }
  });

  it('reads XMP as an attribute or an element with the prefix tiff, and nothing else', () => {
    const of = (packet: string) => inPng([xmpChunk(packet)]);
    expect(of('<tiff:Orientation>6</tiff:Orientation>')).toBe(6);
    expect(of(`${xmpPacket('six')}${xmpPacket(6)}`)).toBe(6);
    expect(of(`${xmpPacket(3)}${xmpPacket(6)}`)).toBe(3);
    for (const packet of [
      "tiff:Orientation='6'",
      'tiff:Orientation = "6"',
      'exif:Orientation="6"',
      'tiff:Orientation="',
      '',
    ])
      expect(of(packet), packet).toBe(1);
  });

  it('ignores WebP chunks that no flag announces, EXIF behind the first scan, and extended XMP', () => {
    expect(inWebp(0, riffChunk('EXIF', exif(6)), riffChunk('XMP ', Buffer.from(xmpPacket(6))))).toBe(1);
    expect(pictureOrientation(Buffer.concat([jpeg, exifSegment(exif(6))]), 'jpeg', {})).toBe(1);
    expect(inJpeg(jpegSegment(app1, 'http://ns.adobe.com/xmp/extension/\0', xmpPacket(6)))).toBe(1);
  });

  it('leaves an AVIF to its container if EXIF or the container says how it is turned', () => {
    const xmp = Buffer.from(xmpPacket(6));
    expect(pictureOrientation(Buffer.alloc(0), 'heif', { exif: exif(6), xmp })).toBe(1);
    expect(pictureOrientation(Buffer.alloc(0), 'heif', { exif: exifBlock([]), xmp })).toBe(6);
  });

  it('ignores metadata in GIF and SVG', () => {
    expect(pictureOrientation(Buffer.from(xmpPacket(6)), 'gif', {})).toBe(1);
    expect(pictureOrientation(Buffer.from(xmpPacket(6)), 'svg', {})).toBe(1);
  });
});

describe('upright', () => {
  // The letters a b c over d e f, as they lie in the file, by orientation.
  const stored: Record<Orientation, string[]> = {
    1: ['abc', 'def'],
    2: ['cba', 'fed'],
    3: ['fed', 'cba'],
    4: ['def', 'abc'],
    5: ['ad', 'be', 'cf'],
    6: ['cf', 'be', 'ad'],
    7: ['fc', 'eb', 'da'],
    8: ['da', 'eb', 'fc'],
  };

  it.each([1, 2, 3, 4, 5, 6, 7, 8] as const)('turns orientation %d upright', async (orientation) => {
    const rows = stored[orientation];
    const raw = { width: rows[0]!.length, height: rows.length, channels: 1 } as const;
    const image = sharp(Buffer.from(rows.join('')), { raw }).toColourspace('b-w');
    const { data, info } = await upright(image, orientation).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, data.toString()]).toEqual([3, 2, 'abcdef']);
  });
});
