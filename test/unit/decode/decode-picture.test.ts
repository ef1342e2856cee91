import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import type { Sharp } from 'sharp';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type DecodeSettings, decodePicture, restrictLibvips } from '../../../lib/decode/decode-picture.ts';
import { createQuantizer } from '../../../lib/image-gpt/quantizer.ts';
import { PictureError } from '../../../lib/ports/error.ts';
import { goldenNames, goldenPicture } from '../../support/golden-quant.ts';
import { greyProfile } from '../../support/icc-profile.ts';
import { exifBlock, orientationField, pngChunk, pngWith } from '../../support/picture-containers.ts';

const fixtures = new URL('../../fixtures/', import.meta.url);
const picture = (name: string) => readFileSync(new URL(`pictures/${name}`, fixtures));

/** Settings that squeeze whole pictures to `width` x `height`. */
function settings(width: number, height: number, others: Partial<DecodeSettings> = {}): DecodeSettings {
  const recipe = { width, height, resample: 2, crop: 'none' } as const;
  return { recipe, maxPixels: 100_000_000, allowSvg: false, scaledDecoding: false, ...others };
}

/** Two pixels side by side: left, right. */
const left = [200, 100, 50] as const;
const right = [10, 240, 120] as const;

function twoPixels(): Sharp {
  return sharp(Uint8Array.of(...left, ...right), { raw: { width: 2, height: 1, channels: 3 } });
}

/** PNG's colour types. */
const greyType = 0;
const rgbType = 2;
const greyAlphaType = 4;
const rgbaType = 6;

/** One row of 16-bit pixels as a PNG. sharp converts pixels when it writes, so it cannot write exact levels. */
function png16(width: number, levels: number[], colorType = rgbType): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(1, 4);
  header.set([16, colorType], 8);
  const row = Buffer.alloc(1 + levels.length * 2);
  for (const [i, level] of levels.entries()) row.writeUInt16BE(level, 1 + i * 2);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const chunks = [pngChunk('IHDR', header), pngChunk('IDAT', deflateSync(row)), pngChunk('IEND')];
  return Buffer.concat([signature, ...chunks]);
}

/** The pixels of a picture at its original size. */
async function pixels(bytes: Uint8Array, width = 2, height = 1): Promise<number[]> {
  return [...(await decodePicture(bytes, settings(width, height))).rgb];
}

async function codeOf(bytes: Uint8Array, others: Partial<DecodeSettings> = {}): Promise<string> {
  try {
    await decodePicture(bytes, settings(8, 8, others));
    return 'decoded';
  } catch (error) {
    expect(error).toBeInstanceOf(PictureError);
    expect((error as PictureError).message).not.toMatch(/[/\\]|source:|buffer|vips/i);
    return (error as PictureError).code;
  }
}

function far(a: readonly number[], b: readonly number[]): number {
  expect(a).toHaveLength(b.length);
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}

beforeAll(() => restrictLibvips(true));

describe('decodePicture, compared with other decoders', () => {
  const expected: Record<string, number[]> = JSON.parse(
    readFileSync(new URL('golden/transformers/tokens.json', fixtures), 'utf8'),
  );
  const nano = JSON.parse(
    readFileSync(new URL('../../../lib/models/igpt-nano/preprocessor_config.json', import.meta.url), 'utf8'),
  );
  const quantize = createQuantizer(Float32Array.from(nano.clusters.flat()));

  for (const name of Object.keys(expected)) {
    it(`gives exactly the tokens that transformers gives for ${name}`, async () => {
      const { rgb } = await decodePicture(picture(name), settings(16, 16));
      expect([...quantize(rgb)]).toEqual(expected[name]);
    });
  }

  it('gives exactly the pixels of the golden PNGs', async () => {
    for (const name of goldenNames) {
      const { png, rgb, width, height } = goldenPicture(name);
      expect(await decodePicture(png, settings(width, height)), name).toEqual({ format: 'png', width, height, rgb });
    }
  });
});

describe('decodePicture, by kind of picture', () => {
  it('returns the format and the size of the whole picture', async () => {
    const { format, width, height, rgb } = await decodePicture(picture('things/eye-retina.avif'), settings(4, 3));
    expect({ format, width, height, bytes: rgb.length }).toEqual({
      format: 'avif',
      width: 512,
      height: 512,
      bytes: 36,
    });
  });

  it('rotates a picture by its EXIF orientation', async () => {
    for (const [orientation, upright] of [
      [1, [left, right]],
      [2, [right, left]],
      [3, [right, left]],
      [4, [left, right]],
    ] as const) {
      const png = await twoPixels().withMetadata({ orientation }).png().toBuffer();
      expect(await pixels(png), `orientation ${orientation}`).toEqual(upright.flat());
    }
    for (const [orientation, upright] of [
      [5, [left, right]],
      [6, [left, right]],
      [7, [right, left]],
      [8, [right, left]],
    ] as const) {
      const png = await twoPixels().withMetadata({ orientation }).png().toBuffer();
      const { width, height, rgb } = await decodePicture(png, settings(1, 2));
      expect([width, height, ...rgb], `orientation ${orientation}`).toEqual([1, 2, ...upright.flat()]);
    }
  });

  it('returns the rotated size of a photograph, and the pixels of the unrotated original', async () => {
    const sideways = await decodePicture(picture('animals/cat-sideways.jpg'), settings(16, 16));
    const upright = await decodePicture(picture('animals/cat.jpg'), settings(16, 16));
    expect([sideways.width, sideways.height]).toEqual([451, 300]);
    expect(far([...sideways.rgb], [...upright.rgb])).toBeLessThan(8);
  });

  it('lays transparency over white', async () => {
    const rgba = Uint8Array.of(0, 0, 0, 0, 100, 100, 100, 255, 0, 0, 0, 128);
    const image = sharp(rgba, { raw: { width: 3, height: 1, channels: 4 } });
    for (const bytes of [await image.png().toBuffer(), await image.webp({ lossless: true }).toBuffer()]) {
      // 255 x (255 - 128) / 255 = 127
      expect(await pixels(bytes, 3)).toEqual([255, 255, 255, 100, 100, 100, 127, 127, 127]);
    }
  });

  it('rounds blended pixels to the nearest level', async () => {
    const image = sharp(Uint8Array.of(101, 99, 100, 128), { raw: { width: 1, height: 1, channels: 4 } });
    // 127 of white plus 50.698, 49.694 and 50.196.
    expect(await pixels(await image.png().toBuffer(), 1)).toEqual([178, 177, 177]);
  });

  it('reads pictures with opaque alpha as if they had no alpha', async () => {
    const image = twoPixels().ensureAlpha();
    expect((await sharp(await image.png().toBuffer()).metadata()).hasAlpha).toBe(true);
    expect(await pixels(await image.png().toBuffer())).toEqual([...left, ...right]);
  });

  it('drops the low bytes of 16-bit pictures before it lays them over white', async () => {
    // Alpha 0x80ff becomes 128, 0x00ff becomes 0 and 0xff00 becomes 255
    const rgba = [0x65ff, 0x6300, 0x64ff, 0x80ff, 0, 0, 0, 0x00ff, 0x1234, 0x5678, 0x9abc, 0xff00];
    expect(await pixels(png16(3, rgba, rgbaType), 3)).toEqual([178, 177, 177, 255, 255, 255, 0x12, 0x56, 0x9a]);
    const greyAlpha = [0x65ff, 0x80ff, 0x12ff, 0xffff];
    expect(await pixels(png16(2, greyAlpha, greyAlphaType))).toEqual([178, 178, 178, 0x12, 0x12, 0x12]);
  });

  it('makes three equal channels of greyscale, with and without alpha', async () => {
    const grey = Uint8Array.of(7, 200);
    const image = sharp(grey, { raw: { width: 2, height: 1, channels: 1 } });
    expect(await pixels(await image.toColourspace('b-w').png().toBuffer())).toEqual([7, 7, 7, 200, 200, 200]);
    const greyAlpha = sharp(Uint8Array.of(7, 255, 200, 0), { raw: { width: 2, height: 1, channels: 2 } });
    const png = await greyAlpha.toColourspace('b-w').png().toBuffer();
    expect(await pixels(png)).toEqual([7, 7, 7, 255, 255, 255]);
  });

  it('drops the low byte of 16-bit pictures, as Pillow does', async () => {
    const levels = [0x00ff, 0x0100, 0x7fff, 0x8000, 0xfeff, 0xffff];
    expect(await pixels(png16(2, levels))).toEqual([0, 1, 127, 128, 254, 255]);
  });

  it('converts a profile to sRGB: Display P3 red is outside sRGB, its grey stays grey', async () => {
    const p3 = await sharp(Uint8Array.of(255, 0, 0, 128, 128, 128), { raw: { width: 2, height: 1, channels: 3 } })
      .png()
      .toBuffer();
    // sharp converts the pixels to P3 when it writes, so decoding must give the original colours.
    const written = await sharp(p3).withIccProfile('p3').png().toBuffer();
    expect(await sharp(written, { ignoreIcc: true }).raw().toBuffer()).not.toEqual(
      Buffer.from([255, 0, 0, 128, 128, 128]),
    );
    expect(far(await pixels(written), [255, 0, 0, 128, 128, 128])).toBeLessThanOrEqual(2);
  });

  it('leaves pixels with an sRGB profile unchanged', async () => {
    const png = await twoPixels().withIccProfile('srgb').png().toBuffer();
    expect((await sharp(png).metadata()).icc).toBeDefined();
    expect(await pixels(png)).toEqual([...left, ...right]);
  });

  it('applies a grey profile after dropping the low byte, also below alpha', async () => {
    // Linear light: level 128 of 255 is 188 in sRGB.
    const profile = pngChunk('iCCP', 'grey\0\0', deflateSync(greyProfile(1)));
    const grey = pngWith(png16(3, [0, 0x80ff, 0xff00], greyType), [profile]);
    expect(await pixels(grey, 3)).toEqual([0, 0, 0, 188, 188, 188, 255, 255, 255]);
    const greyAlpha = pngWith(png16(2, [0x80ff, 0xffff, 0x80ff, 0x80ff], greyAlphaType), [profile]);
    // 188 x 128 / 255 + 127 = 221.4
    expect(await pixels(greyAlpha)).toEqual([188, 188, 188, 221, 221, 221]);
    // Orientation 3 turns it upside down.
    const turned = pngWith(grey, [pngChunk('eXIf', exifBlock([orientationField(3)]))]);
    expect(await pixels(turned, 3)).toEqual([255, 255, 255, 188, 188, 188, 0, 0, 0]);
  });

  it('applies the grey profile of a grey AVIF, which libvips reads as RGB', async () => {
    // Level 64 under a gamma of 1.75: 1.055 x ((64 / 255) ** 1.75) ** (1 / 2.4) - 0.055 = 0.330, of 255 levels.
    const avif = readFileSync(new URL('golden/looks/grey-profile.avif', fixtures));
    expect(new Set(await pixels(avif, 8, 8))).toEqual(new Set([84]));
  });

  it('converts 16-bit pictures with a profile to sRGB too', async () => {
    const png = await twoPixels().toColourspace('rgb16').withIccProfile('srgb').png().toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    expect(far(await pixels(png), [...left, ...right])).toBeLessThanOrEqual(2);
  });

  it('converts CMYK to colours close to the original ones', async () => {
    const flat = sharp({ create: { width: 16, height: 16, channels: 3, background: { r: 150, g: 120, b: 100 } } });
    const jpeg = await flat.toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe('cmyk');
    expect(far(await pixels(jpeg, 1, 1), [150, 120, 100])).toBeLessThan(12);
  });

  it('decodes the first frame of animations and the first page of documents', async () => {
    const frames = Uint8Array.of(...left, ...left, ...right, ...right);
    const image = sharp(frames, { raw: { width: 2, height: 2, channels: 3, pageHeight: 1 } });
    const webp = await image.webp({ lossless: true }).toBuffer();
    expect((await sharp(webp).metadata()).pages).toBe(2);
    const { width, height, rgb } = await decodePicture(webp, settings(2, 1));
    expect([width, height]).toEqual([2, 1]);
    expect([...rgb]).toEqual([...left, ...left]);
  });

  it('enlarges a single pixel', async () => {
    const png = await sharp(Uint8Array.of(...left), { raw: { width: 1, height: 1, channels: 3 } })
      .png()
      .toBuffer();
    expect(await pixels(png, 2, 2)).toEqual([...left, ...left, ...left, ...left]);
  });

  it('renders an SVG over white when it is allowed', async () => {
    const svg = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"><rect width="1" height="1" fill="#c86432"/></svg>',
    );
    const { format, rgb } = await decodePicture(svg, settings(2, 1, { allowSvg: true }));
    expect(format).toBe('svg');
    expect([...rgb]).toEqual([...left, 255, 255, 255]);
  });
});

describe('decodePicture with scaled decoding', () => {
  it('changes a large JPEG little and a small one not at all', async () => {
    const large = await sharp(picture('people/astronaut.jpg')).resize(1024, 1024).jpeg({ quality: 90 }).toBuffer();
    for (const crop of ['none', 'short-224-center'] as const) {
      const recipe = { width: 16, height: 16, resample: 2, crop } as const;
      const exact = await decodePicture(large, settings(16, 16, { recipe }));
      const scaled = await decodePicture(large, settings(16, 16, { recipe, scaledDecoding: true }));
      expect([scaled.width, scaled.height]).toEqual([1024, 1024]);
      expect(far([...scaled.rgb], [...exact.rgb])).toBeLessThanOrEqual(4);
    }
    const small = picture('animals/cat.jpg');
    expect(await decodePicture(small, settings(16, 16, { scaledDecoding: true }))).toEqual(
      await decodePicture(small, settings(16, 16)),
    );
  });

  it('still rotates the picture', async () => {
    const sideways = await sharp(picture('animals/cat-sideways.jpg')).resize(1200, 1804).keepExif().jpeg().toBuffer();
    const { width, height, rgb } = await decodePicture(sideways, settings(16, 16, { scaledDecoding: true }));
    const upright = await decodePicture(picture('animals/cat.jpg'), settings(16, 16));
    expect([width, height]).toEqual([1804, 1200]);
    expect(far([...rgb], [...upright.rgb])).toBeLessThan(12);
  });
});

describe('decodePicture, for damaged and refused files', () => {
  it('fails for a truncated JPEG, PNG, WebP, GIF, TIFF or AVIF', async () => {
    for (const name of [
      'animals/cat.jpg',
      'people/astronaut.jpg',
      'people/photographer.png',
      'food/coffee.webp',
      'things/clock.gif',
      'textures/gravel.tiff',
      'things/eye-retina.avif',
    ]) {
      const whole = picture(name);
      for (const part of [0.02, 0.4, 0.9]) {
        const cut = whole.subarray(0, Math.floor(whole.length * part));
        expect(await codeOf(cut), `${name} cut at ${part}`).toBe('corrupt_image');
      }
    }
  });

  it('fails for a truncated interlaced PNG', async () => {
    const png = await sharp(picture('people/photographer.png')).png({ progressive: true }).toBuffer();
    expect(await codeOf(png.subarray(0, Math.floor(png.length / 2)))).toBe('corrupt_image');
  });

  it('reads a JPEG with stray bytes before a marker, which every viewer shows', async () => {
    const jpeg = picture('animals/cat.jpg');
    const tables = jpeg.indexOf(Buffer.from([0xff, 0xc4]));
    const stray = Buffer.concat([jpeg.subarray(0, tables), Buffer.from([1, 2, 3]), jpeg.subarray(tables)]);
    expect(await codeOf(stray)).toBe('decoded');
  });

  it('refuses more pixels than allowed from the header alone', async () => {
    const png = await sharp({ create: { width: 40, height: 30, channels: 3, background: '#123456' } })
      .png()
      .toBuffer();
    expect(await codeOf(png, { maxPixels: 1200 })).toBe('decoded');
    expect(await codeOf(png, { maxPixels: 1199 })).toBe('image_too_large');
    // The same picture, but its header says 60,000 pixels wide and high.
    const lying = Buffer.from(png);
    lying.writeUInt32BE(60_000, 16);
    lying.writeUInt32BE(60_000, 20);
    expect(['image_too_large', 'corrupt_image']).toContain(await codeOf(lying));
  });

  it('refuses SVG by content, with a hint, unless allowed', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"/>');
    await expect(decodePicture(svg, settings(8, 8))).rejects.toMatchObject({
      code: 'unsupported_format',
      message: expect.stringContaining('--allow-svg'),
    });
  });

  it('refuses text, noise, BMP and PDF as unsupported, by name', async () => {
    for (const text of ['hello', '<html></html>', 'BM\0\0\0\0\0\0', '%PDF-1.7\n']) {
      expect(await codeOf(Buffer.from(text)), text).toBe('unsupported_format');
    }
    await expect(decodePicture(Buffer.from('%PDF-1.7\n'), settings(8, 8))).rejects.toThrow('a file in PDF format');
  });

  it('refuses a JPEG of two channels as unsupported', async () => {
    const grey = await sharp(Uint8Array.of(7), { raw: { width: 1, height: 1, channels: 1 } })
      .jpeg()
      .toBuffer();
    expect(await codeOf(grey)).toBe('decoded');
    const frame = grey.indexOf(Buffer.from([0xff, 0xc0]));
    const scan = grey.indexOf(Buffer.from([0xff, 0xda]));
    const twoChannels = Buffer.concat([
      grey.subarray(0, frame),
      Buffer.from([0xff, 0xc0, 0, 14, 8, 0, 1, 0, 1, 2, 1, 0x11, 0, 2, 0x11, 0]),
      grey.subarray(frame + 2 + grey.readUInt16BE(frame + 2), scan),
      ...[1, 2].flatMap((channel) => [
        Buffer.from([0xff, 0xda, 0, 8, 1, channel, 0, 0, 63, 0]),
        grey.subarray(scan + 10, -2),
      ]),
      grey.subarray(-2),
    ]);
    expect(await codeOf(twoChannels)).toBe('unsupported_format');
  });

  it('refuses HEIF of another coding by its name, and an animation without frames in AV1', async () => {
    const avif = picture('things/eye-retina.avif');
    const hevc = Buffer.from(avif);
    hevc.write('hvc1', hevc.indexOf('infe') + 12, 'latin1');
    await expect(decodePicture(hevc, settings(8, 8))).rejects.toThrow('received a HEIF picture in HEVC (HEIC)');
    const animation = Buffer.from(avif);
    animation.write('moov', animation.indexOf('meta'), 'latin1');
    expect(await codeOf(animation)).toBe('unsupported_format');
    animation.write('free', animation.indexOf('moov'), 'latin1');
    expect(await codeOf(animation)).toBe('corrupt_image');
  });

  it('blocks loaders that no accepted format needs', async () => {
    const ppm = Buffer.concat([Buffer.from('P6 1 1 255\n'), Buffer.from([1, 2, 3])]);
    await expect(sharp(ppm).raw().toBuffer()).rejects.toThrow('unsupported image format');
  });
});
