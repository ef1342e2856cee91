import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { pictureFormat } from '../../../lib/decode/picture-format.ts';

const picture = (name: string) => readFileSync(new URL(`../../fixtures/pictures/${name}`, import.meta.url));

describe('pictureFormat', () => {
  it('detects the sample pictures by their content', () => {
    expect(pictureFormat(picture('animals/cat.jpg'))).toBe('jpeg');
    expect(pictureFormat(picture('people/photographer.png'))).toBe('png');
    expect(pictureFormat(picture('food/coffee.webp'))).toBe('webp');
    expect(pictureFormat(picture('things/clock.gif'))).toBe('gif');
    expect(pictureFormat(picture('textures/gravel.tiff'))).toBe('tiff');
    expect(pictureFormat(picture('things/eye-retina.avif'))).toBe('heif');
  });

  it('detects an SVG after a declaration and comments, with a prefix, and inside gzip', () => {
    const svg = '<?xml version="1.0"?>\n<!-- drawn by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>';
    expect(pictureFormat(Buffer.from(svg))).toBe('svg');
    expect(pictureFormat(Buffer.from(`\ufeff${svg}`))).toBe('svg');
    expect(pictureFormat(Buffer.from(`<!--${'x'.repeat(3000)}-->${svg}`))).toBe('svg');
    expect(pictureFormat(Buffer.from('<s:svg xmlns:s="http://www.w3.org/2000/svg"/>'))).toBe('svg');
    expect(pictureFormat(gzipSync(svg))).toBe('svg');
    // Only the start of the stream.
    expect(pictureFormat(gzipSync(`${svg}${'<g/>'.repeat(100_000)}`).subarray(0, 200))).toBe('svg');
  });

  it('detects AVIF by a compatible brand, whatever the major one is', () => {
    const avif = picture('things/eye-retina.avif');
    for (const major of ['avif', 'avis', 'mif1', 'msf1', 'miaf', 'MA1A', 'isom', 'xxxx']) {
      const other = Buffer.from(avif);
      other.write(major, 8, 'latin1');
      expect(pictureFormat(other), major).toBe('heif');
    }
    expect(pictureFormat(Buffer.from('\0\0\0\x14ftypisom\0\0\0\0mp42'))).toBeUndefined();
  });

  it('returns undefined for text, noise, short and empty files', () => {
    expect(pictureFormat(Buffer.from('<html><body>no drawing</body></html>'))).toBeUndefined();
    expect(pictureFormat(Buffer.from('\x1f\x8bnot really gzip', 'latin1'))).toBeUndefined();
    expect(pictureFormat(Buffer.from('RIFF\0\0\0\0WAVE'))).toBeUndefined();
    expect(pictureFormat(Buffer.from([0xff]))).toBeUndefined();
    expect(pictureFormat(new Uint8Array(0))).toBeUndefined();
  });
});
