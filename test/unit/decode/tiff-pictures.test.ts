import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type DecodeSettings, decodePicture, restrictLibvips } from '../../../lib/decode/decode-picture.ts';
import { createQuantizer } from '../../../lib/image-gpt/quantizer.ts';
import { long, rational, short, type TiffOptions, tiffFile } from '../../support/tiff-file.ts';
import { matrixHeight, matrixWidth, storagesOf, tiffKinds, tiffOf, tiffTruth } from '../../support/tiff-matrix.ts';

beforeAll(() => restrictLibvips(true));

/** The pixels of a file of the given size: [height, width, 3]. */
async function pixels(bytes: Uint8Array, width: number, height: number): Promise<number[]> {
  const recipe: DecodeSettings['recipe'] = { width, height, resample: 2, crop: 'none' };
  const picture = await decodePicture(bytes, { recipe, maxPixels: 1e6, allowSvg: false, scaledDecoding: false });
  expect([picture.width, picture.height]).toEqual([width, height]);
  return [...picture.rgb];
}

const matrixPixels = (bytes: Uint8Array) => pixels(bytes, matrixWidth, matrixHeight);

function farthest(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce((far, value, i) => Math.max(far, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}

describe('decodePicture, for each combination of samples and storage that a TIFF may have', () => {
  const kinds = tiffKinds.filter(({ rgb }) => rgb !== undefined);

  it.each(kinds)('shows what was stored: $name', async (kind) => {
    // libvips divides premultiplied colours by alpha, in whole levels, before they are laid over white. YCbCr is rounded
    // down where Pillow does.
    const rounded = kind.options.photometric === 6 ? 1 : 0.5;
    const tolerance = kind.alpha?.premultiplied ? 2 : rounded;
    for (const { name, options } of storagesOf(kind)) {
      // The slow test reads the rest.
      if (kind.options.extraSamples && !['strips', 'planes', 'tiles'].includes(name)) continue;
      const far = farthest(await matrixPixels(tiffFile(tiffOf(kind, options))), tiffTruth(kind) ?? []);
      expect(far, name).toBeLessThanOrEqual(tolerance);
    }
  });
});

describe('decodePicture, for TIFFs that other programs wrote', () => {
  const fixtures = new URL('../../fixtures/tiff/', import.meta.url);
  const read = (name: string) => pixels(readFileSync(new URL(name, fixtures)), 16, 16);
  const tokens: Record<string, number[]> = JSON.parse(readFileSync(new URL('tokens.json', fixtures), 'utf8'));
  const nano = new URL('../../../lib/models/igpt-nano/preprocessor_config.json', import.meta.url);
  const quantize = createQuantizer(Float32Array.from(JSON.parse(readFileSync(nano, 'utf8')).clusters.flat()));

  it.each(Object.keys(tokens))('gives the tokens that Pillow gives for %s', async (name) => {
    expect([...quantize(Uint8Array.from(await read(name)))]).toEqual(tokens[name]);
  });

  it.each(['lzma', 'zstd'])('names the compression %s, which cannot be decoded', async (name) => {
    await expect(read(`${name}.tif`)).rejects.toMatchObject({
      code: 'unsupported_format',
      message: expect.stringContaining(`${name.toUpperCase()} compression`),
    });
  });
});

describe('decodePicture, for TIFFs in CMYK', () => {
  /** Two pixels, with one sample more. */
  const inks = [10, 200, 30, 40, 128, 250, 5, 100, 0, 255];
  const two = { width: 2, height: 1, bits: 8, photometric: 5 } as const;
  const plain = () => pixels(tiffFile({ ...two, samples: 4, levels: inks.filter((_, i) => i % 5 !== 4) }), 2, 1);

  it('leaves out an unspecified sample', async () => {
    const more = tiffFile({ ...two, samples: 5, levels: inks, extraSamples: [0] });
    expect(await pixels(more, 2, 1)).toEqual(await plain());
  });

  it('lays it over white by its alpha, here 128 and 255', async () => {
    const more = tiffFile({ ...two, samples: 5, levels: inks, extraSamples: [2] });
    const expected = (await plain()).map((v, i) => (i < 3 ? (v * 128 + 255 * 127) / 255 : v));
    expect(farthest(await pixels(more, 2, 1), expected)).toBeLessThanOrEqual(0.5);
  });

  it('reads planes and tiles', async () => {
    for (const storage of [{ planar: true }, { tiled: true }]) {
      const stored = tiffFile({ ...two, samples: 4, levels: inks.filter((_, i) => i % 5 !== 4), ...storage });
      expect(await pixels(stored, 2, 1)).toEqual(await plain());
    }
  });
});

describe('decodePicture, for TIFFs in YCbCr without JPEG', () => {
  const one = { width: 2, height: 2, samples: 3, bits: 8, photometric: 6, levels: [] } as const;

  it('reads subsampled colours: four pixels share Cb and Cr, which here are red', async () => {
    // Y of red is 76; Cb 85, Cr 255. Y of 96 adds 20 to each channel.
    const block = Buffer.from([76, 96, 76, 76, 85, 255]);
    const red = await pixels(tiffFile({ ...one, segments: [block], tags: { 530: short(2, 2) } }), 2, 2);
    expect(farthest(red, [254, 0, 0, 255, 20, 20, 254, 0, 0, 254, 0, 0])).toBeLessThanOrEqual(1);
    // The default of a compressed file is 2, 2 too.
    expect(await pixels(tiffFile({ ...one, segments: [block], compression: 8 }), 2, 2)).toEqual(red);
  });

  it('scales by ReferenceBlackWhite and YCbCrCoefficients', async () => {
    const video = { 530: short(1, 1), 532: rational(16, 235, 128, 240, 128, 240) };
    const grey = { ...one, width: 3, height: 1, levels: [16, 128, 128, 235, 128, 128, 125, 128, 128] };
    expect(await pixels(tiffFile({ ...grey, tags: video }), 3, 1)).toEqual([0, 0, 0, 255, 255, 255, 126, 126, 126]);
    // BT.709: red = Y + 1.5748 (Cr - 128), green = Y - 0.4681 (Cr - 128)
    const bt709 = { 530: short(1, 1), 529: rational(0.2126, 0.7152, 0.0722) };
    const red = { ...one, width: 1, height: 1, levels: [100, 128, 178] };
    expect(await pixels(tiffFile({ ...red, tags: bt709 }), 1, 1)).toEqual([179, 77, 100]);
  });
});

describe('decodePicture, for TIFFs of several pages', () => {
  it('reads the first page, as Pillow does', async () => {
    const raw = { width: 1, height: 2, channels: 3, pageHeight: 1 } as const;
    const pages = await sharp(Uint8Array.of(1, 2, 3, 7, 8, 9), { raw })
      .tiff({ compression: 'none' })
      .toBuffer();
    expect((await sharp(pages).metadata()).pages).toBe(2);
    expect(await pixels(pages, 1, 1)).toEqual([1, 2, 3]);
  });

  it('reads a first page that says it is reduced, as Pillow does', async () => {
    const page = { width: 1, height: 1, samples: 3, bits: 8, photometric: 2, levels: [1, 2, 3] };
    expect(await pixels(tiffFile({ ...page, tags: { 254: long(1) } }), 1, 1)).toEqual([1, 2, 3]);
  });
});

describe('decodePicture, for damaged TIFFs', () => {
  const levels = Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919 + ((i * i) >> 5)) & 255);
  const page = { width: 64, height: 64, samples: 3, bits: 8, photometric: 2, levels } satisfies TiffOptions;

  it.each([5, 8])('fails for a damaged strip or tile, compression %i', async (compression) => {
    for (const tiled of [false, true]) {
      const damaged = tiffFile({ ...page, compression, tiled }).fill(0xff, 50, 400);
      await expect(pixels(damaged, 64, 64)).rejects.toMatchObject({ code: 'corrupt_image' });
    }
  });

  it('fails for strips and tiles beyond the end of the file', async () => {
    for (const tiled of [false, true]) {
      const offsets = Array.from({ length: tiled ? 16 : 1 }, (_, i) => 100_000 + i);
      const tags = { [tiled ? 324 : 273]: long(...offsets) };
      const damaged = tiffFile({ ...page, tiled, tags });
      await expect(pixels(damaged, 64, 64)).rejects.toMatchObject({ code: 'corrupt_image' });
    }
  });
});
