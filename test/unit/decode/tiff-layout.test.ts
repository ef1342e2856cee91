import { describe, expect, it } from 'vitest';
import { tiffLayout } from '../../../lib/decode/tiff-layout.ts';
import { rational, short, type TiffOptions, tiffFile } from '../../support/tiff-file.ts';
import { storagesOf, tiffKinds, tiffOf } from '../../support/tiff-matrix.ts';

/** A TIFF of one pixel. */
function page(options: Partial<TiffOptions>): Buffer {
  const { samples = 3, bits = 8 } = options;
  const levels = Array<number>(samples).fill(1);
  return tiffFile({ width: 1, height: 1, photometric: 2, ...options, samples, bits, levels });
}

/** A sample format for every sample. */
const format = (value: number) => ({ 339: short(value, value, value) });

const grey = { samples: 1, photometric: 1 };
const white = { samples: 1, photometric: 0 };
const ycbcr = { samples: 3, photometric: 6 };

/** What is refused, and the words that name it. */
const refused: [received: string, options: Partial<TiffOptions>][] = [
  // Compressions
  ['old-style JPEG compression', { compression: 6 }],
  ['JBIG compression', { compression: 34_661 }],
  ['word-aligned CCITT compression', { compression: 32_771 }],
  ['JPEG 2000 compression', { compression: 34_712 }],
  ['JPEG 2000 compression', { compression: 33_005, tiled: true }],
  ['LERC compression', { compression: 34_887 }],
  ['LZMA compression', { compression: 34_925 }],
  ['ZSTD compression', { compression: 50_000, tiled: true }],
  ['JPEG XL compression', { compression: 50_002, tiled: true }],
  ['the unknown (12345) compression', { compression: 12_345 }],
  ['the unknown (1, 1) compression', { tags: { 259: short(1, 1) } }],
  ['photometric interpretation 2, 2', { tags: { 262: short(2, 2) } }],
  // Photometric interpretations
  ['a transparency mask', { samples: 1, bits: 1, photometric: 4 }],
  ['CIELab colours', { photometric: 8 }],
  ['CIELab colours', { photometric: 8, bits: 16 }],
  ['ICCLab colours', { photometric: 9 }],
  ['ITULab colours', { photometric: 10 }],
  ['(CFA)', { samples: 1, photometric: 32_803 }],
  ['LogLuv colours', { photometric: 32_845, bits: 16 }],
  ['(LinearRaw)', { photometric: 34_892, bits: 16 }],
  ['no photometric interpretation', { tags: { 262: undefined } }],
  ['photometric interpretation 77', { photometric: 77 }],
  // Samples
  ['12-bit samples', { ...grey, bits: 12 }],
  ['12-bit samples', { ...grey, bits: 12, compression: 7 }],
  ['32-bit samples', { ...grey, bits: 32 }],
  ['64-bit samples', { ...grey, bits: 64 }],
  ['16-bit samples', { samples: 1, photometric: 3, bits: 16 }],
  ['1-bit samples', { bits: 1 }],
  ['4-bit samples', { bits: 4 }],
  ['1-bit samples', { ...grey, samples: 3, tags: { 258: undefined }, photometric: 2 }],
  ['samples of different sizes (5, 6, 5 bits)', { tags: { 258: short(5, 6, 5) } }],
  ['8-bit signed samples', { ...grey, tags: { 339: short(2) } }],
  ['16-bit signed samples', { bits: 16, tags: format(2) }],
  ['16-bit floating-point samples', { ...grey, bits: 16, tags: { 339: short(3) } }],
  ['32-bit floating-point samples', { bits: 32, tags: format(3) }],
  ['64-bit floating-point samples', { ...grey, bits: 64, tags: { 339: short(3) } }],
  ['32-bit floating-point samples', { ...grey, bits: 32, tags: { 339: short(3), 317: short(3) } }],
  ['8-bit untyped samples', { tags: format(4) }],
  ['64-bit complex samples', { ...grey, bits: 64, tags: { 339: short(6) } }],
  ['2 samples per pixel for 3 colours', { samples: 2 }],
  ['6 samples per pixel', { samples: 6, extraSamples: [0, 0, 0] }],
  ['4 samples per pixel', { samples: 4, photometric: 3, extraSamples: [0, 0, 0] }],
  ['a palette of 0 colours for 8-bit samples', { samples: 1, photometric: 3 }],
  ['a palette of 1 colours for 4-bit samples', { samples: 1, photometric: 3, bits: 4, tags: { 320: short(1, 2, 3) } }],
  ['a predictor for 4-bit samples', { ...grey, bits: 4, tags: { 317: short(2) } }],
  ['tiles of separate planes', { planar: true, tiled: true }],
  ['separate planes of samples', { ...grey, samples: 2, extraSamples: [2], planar: true }],
  ['separate planes of samples', { ...grey, bits: 1, planar: true }],
  ['separate planes of samples', { ...ycbcr, planar: true, tags: { 530: short(1, 1) } }],
  // Samples after the colours
  ['samples of unknown meaning beside the colours (ExtraSamples: none)', { samples: 4 }],
  ['unknown meaning beside the colours (ExtraSamples: 999)', { samples: 4, extraSamples: [999] }],
  ['samples of unknown meaning beside the colours (ExtraSamples: 2)', { samples: 5, extraSamples: [2] }],
  ['samples of unknown meaning beside the colours (ExtraSamples: 2)', { extraSamples: [2] }],
  ['two alpha samples', { samples: 5, extraSamples: [2, 2] }],
  ['premultiplied alpha and colours that are not RGB', { ...white, samples: 2, extraSamples: [1] }],
  ['premultiplied alpha and colours that are not RGB', { samples: 5, photometric: 5, extraSamples: [1] }],
  // Inks
  ['inks other than CMYK', { samples: 4, photometric: 5, tags: { 332: short(2) } }],
  ['inks other than CMYK', { samples: 5, photometric: 5, extraSamples: [0], tags: { 334: short(5) } }],
  ['3 samples per pixel for 4 colours', { photometric: 5, tags: { 332: short(2), 334: short(3) } }],
  // YCbCr
  ['16-bit samples', { ...ycbcr, bits: 16 }],
  ['YCbCr colours and other samples', { ...ycbcr, samples: 4, extraSamples: [2] }],
  ['tiles of subsampled YCbCr colours', { ...ycbcr, tiled: true, tags: { 530: short(2, 1) } }],
  ['YCbCr colours without YCbCrSubSampling', ycbcr],
  ['YCbCr colours and a colour profile', { ...ycbcr, tags: { 530: short(1, 1), 34675: short(0, 0, 0, 0) } }],
  [
    'YCbCr colours of an impossible scale',
    { ...ycbcr, tags: { 530: short(1, 1), 532: rational(0, 0, 128, 255, 128, 255) } },
  ],
  ['YCbCr colours of an impossible scale', { ...ycbcr, tags: { 530: short(1, 1), 529: rational(1, 0, 0) } }],
];

describe('tiffLayout', () => {
  it.each(refused)('refuses %s', (received, options) => {
    expect(() => tiffLayout(page(options))).toThrow(
      expect.objectContaining({ code: 'unsupported_format', message: expect.stringContaining(received) }),
    );
  });

  it('says what to do', () => {
    expect(() => tiffLayout(page({ compression: 50_000 }))).toThrow(
      'Expected a TIFF picture in a common coding, received one with ZSTD compression: convert it to PNG or JPEG.',
    );
  });

  it('accepts every kind and storage that the tests compare with Pillow', () => {
    for (const kind of tiffKinds) {
      for (const { name, options } of storagesOf(kind)) {
        const { alpha } = tiffLayout(tiffFile(tiffOf(kind, options)));
        const expected =
          kind.alpha && kind.alpha.sample - (kind.options.samples - (kind.options.extraSamples?.length ?? 0));
        expect(alpha, `${kind.name}, ${name}`).toBe(expected);
      }
    }
  });

  it('takes one value of BitsPerSample for all samples, and 1 bit when there is none', () => {
    expect(tiffLayout(page({ tags: { 258: short(8) } }))).toMatchObject({ alpha: undefined });
    expect(tiffLayout(page({ ...grey, bits: 1, tags: { 258: undefined, 259: undefined, 277: undefined } }))).toEqual({
      channels: 3,
      alpha: undefined,
      ycbcr: undefined,
      tiled: false,
    });
  });

  it('leaves YCbCr to libvips where it is compressed as JPEG or subsampled', () => {
    const tags = { 530: short(1, 1) };
    expect(tiffLayout(page({ ...ycbcr, tags, compression: 7 })).ycbcr).toBeUndefined();
    expect(tiffLayout(page({ ...ycbcr, tags: { 530: short(2, 2) } })).ycbcr).toBeUndefined();
    expect(tiffLayout(page({ ...ycbcr, compression: 8 })).ycbcr).toBeUndefined();
    expect(tiffLayout(page({ ...ycbcr, tags, compression: 8 })).ycbcr).toEqual({
      coefficients: [0.299, 0.587, 0.114],
      reference: [0, 255, 128, 255, 128, 255],
      rounding: 'nearest',
    });
  });

  it('rounds YCbCr down only where Pillow does: uncompressed, by the defaults', () => {
    const rounding = (options: Partial<TiffOptions>, tags: TiffOptions['tags'] = {}) =>
      tiffLayout(page({ ...ycbcr, ...options, tags: { 530: short(1, 1), ...tags } })).ycbcr?.rounding;
    expect(rounding({})).toBe('down');
    expect(rounding({ tiled: true }, { 532: rational(0, 255, 128, 255, 128, 255) })).toBe('down');
    expect(rounding({ compression: 5 })).toBe('nearest');
    expect(rounding({}, { 532: rational(16, 235, 128, 240, 128, 240) })).toBe('nearest');
    expect(rounding({}, { 529: rational(0.2126, 0.7152, 0.0722) })).toBe('nearest');
  });
});
