import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { jpegMetadata, pngMetadata, webpMetadata } from '../../../lib/decode/embedded-metadata.ts';
import { jpegSegment, pngChunk, riffChunk, webpWith } from '../../support/picture-containers.ts';

const png = (...chunks: Buffer[]) => Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks]);
const xmpKeyword = 'XML:com.adobe.xmp\0';
const mebibyte = 1024 * 1024;

describe('pngMetadata', () => {
  it('reads an XMP packet of 10 MB, compressed or not', () => {
    const packet = Buffer.alloc(10 * mebibyte, ' ');
    expect(pngMetadata(png(pngChunk('iTXt', xmpKeyword, '\0\0\0\0', packet))).xmp).toHaveLength(packet.length);
    expect(pngMetadata(png(pngChunk('zTXt', xmpKeyword, '\0', deflateSync(packet)))).xmp).toHaveLength(packet.length);
  });

  it('ignores a text that unpacks to more than 16 MiB', () => {
    const bomb = deflateSync(Buffer.alloc(16 * mebibyte + 1));
    expect(pngMetadata(png(pngChunk('zTXt', xmpKeyword, '\0', bomb))).xmp).toBeUndefined();
    expect(pngMetadata(png(pngChunk('iTXt', xmpKeyword, '\x01\0\0\0', bomb))).xmp).toBeUndefined();
    expect(pngMetadata(png(pngChunk('zTXt', 'Raw profile type exif\0', '\0', bomb))).exif).toBeUndefined();
  });

  it('ignores a raw profile of more than 1 MiB, whatever it holds', () => {
    const lines = Buffer.alloc(mebibyte + 1, '\n');
    expect(pngMetadata(png(pngChunk('tEXt', 'Raw profile type exif\0', lines))).exif).toBeUndefined();
    expect(pngMetadata(png(pngChunk('tEXt', 'Raw profile type exif\0', lines.subarray(1)))).exif).toHaveLength(0);
  });

  it('unpacks the last text of a keyword only', () => {
    const bomb = pngChunk('zTXt', xmpKeyword, '\0', deflateSync(Buffer.alloc(16 * mebibyte + 1)));
    const packet = pngChunk('tEXt', xmpKeyword, 'last');
    expect(pngMetadata(png(bomb, bomb, packet)).xmp?.toString()).toBe('last');
  });

  it('ignores texts that are damaged, and chunks that are cut off', () => {
    for (const data of ['', '\0', '\0\0\0', '\x01\0no zlib', '\0\0en'])
      expect(pngMetadata(png(pngChunk('iTXt', xmpKeyword, data))).xmp ?? '', data).toHaveLength(0);
    expect(pngMetadata(png(pngChunk('zTXt', xmpKeyword, '\0no zlib'))).xmp).toBeUndefined();
    expect(pngMetadata(png(pngChunk('zTXt', xmpKeyword, '\x01'))).xmp).toBeUndefined();
    expect(pngMetadata(png(pngChunk('tEXt', 'Raw profile type exif\0\nexif\n 4\nno hex'))).exif).toBeUndefined();
    const whole = png(pngChunk('eXIf', 'II*\0'), pngChunk('tEXt', xmpKeyword, 'packet'));
    for (let length = 0; length < whole.length; length += 1)
      expect(() => pngMetadata(whole.subarray(0, length)), `${length} bytes`).not.toThrow();
  });
});

describe('jpegMetadata', () => {
  const app1 = 0xe1;

  it('reads the last of two XMP packets, and skips fill bytes and stray bytes', () => {
    const xmp = (packet: string) => jpegSegment(app1, 'http://ns.adobe.com/xap/1.0/\0', packet);
    const stray = Buffer.from([0xff, 0xff, 0xff, 0, 7]);
    const jpeg = Buffer.concat([Buffer.from([0xff, 0xd8]), xmp('first'), stray, xmp('last')]);
    expect(jpegMetadata(jpeg).xmp?.toString()).toBe('last');
  });

  it('joins 100 EXIF segments at most', () => {
    const segments = Array.from({ length: 101 }, () => jpegSegment(app1, 'Exif\0\0', 'x'));
    const { exif } = jpegMetadata(Buffer.concat([Buffer.from([0xff, 0xd8]), ...segments]));
    expect(exif?.toString()).toBe('x'.repeat(100));
  });

  it('ends for a segment that claims no bytes or too many', () => {
    for (const length of [0, 1, 65_535]) {
      const jpeg = Buffer.from([0xff, 0xd8, 0xff, app1, length >> 8, length & 0xff, 1, 2, 3]);
      expect(jpegMetadata(jpeg)).toEqual({ exif: undefined, xmp: undefined });
    }
  });
});

describe('webpMetadata', () => {
  it('reads the first of two chunks, and chunks of odd lengths', () => {
    const chunks = [riffChunk('EXIF', Buffer.from('one')), riffChunk('EXIF', Buffer.from('two'))];
    const { exif, xmp } = webpMetadata(webpWith(0x0c, ...chunks, riffChunk('XMP ', Buffer.from('packet'))));
    expect([exif?.toString(), xmp?.toString()]).toEqual(['one', 'packet']);
  });

  it('ends for a chunk that claims too many bytes', () => {
    const webp = webpWith(0x08, riffChunk('EXIF', Buffer.from('data')));
    webp.writeUInt32LE(0xffffffff, webp.indexOf('EXIF') + 4);
    expect(webpMetadata(webp).exif?.toString()).toBe('data');
  });
});
