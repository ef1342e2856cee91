import { rational, short, type TiffOptions } from './tiff-file.ts';

/** Wider and higher than a tile of {@link tiffFile}, and not a multiple of 8. */
export const matrixWidth = 19;
export const matrixHeight = 18;

/** What the samples of a TIFF mean. */
export interface TiffKind {
  name: string;
  options: Pick<TiffOptions, 'samples' | 'bits' | 'photometric' | 'extraSamples' | 'tags'>;
  /** Red, green and blue of a pixel's samples, before alpha is applied. Undefined: no simple rule (CMYK). */
  rgb?: ((samples: readonly number[]) => number[]) | undefined;
  /** Which sample is alpha, and whether the colours are multiplied by it. */
  alpha?: { sample: number; premultiplied: boolean } | undefined;
}

/** 8 bits of a sample: the high byte of 16, and all of the range for fewer. */
function level(value: number, bits: number): number {
  return bits === 16 ? value >> 8 : Math.round((value * 255) / (2 ** bits - 1));
}

function grey(bits: number, whiteIsZero: boolean) {
  return ([value = 0]: readonly number[]) => {
    const v = level(whiteIsZero ? 2 ** bits - 1 - value : value, bits);
    return [v, v, v];
  };
}

const colour = (bits: number) => (samples: readonly number[]) => samples.slice(0, 3).map((v) => level(v, bits));

/** A palette of 16-bit reds, greens and blues. */
function palette(bits: number): number[] {
  const size = 2 ** bits;
  const curve = (scale: number) =>
    Array.from({ length: size }, (_, i) => Math.round((i * scale * 65_535) / (size - 1)));
  return [...curve(0.4), ...curve(1).reverse(), ...curve(0.7)];
}

function paletteColour(bits: number) {
  const map = palette(bits);
  return ([index = 0]: readonly number[]) => [0, 1, 2].map((plane) => (map[plane * 2 ** bits + index] ?? 0) >> 8);
}

/** TIFF 6.0, section 21, with the default coefficients and full range. */
function ycbcrColour([y = 0, cb = 0, cr = 0]: readonly number[]): number[] {
  const r = y + 1.402 * (cr - 128);
  const b = y + 1.772 * (cb - 128);
  return [r, (y - 0.299 * r - 0.114 * b) / 0.587, b].map((v) => Math.min(255, Math.max(0, v)));
}

/** Samples after the colours: none, unspecified, alpha and one more, in each order. */
const extras = [[0], [1], [2], [0, 0], [1, 0], [2, 0], [0, 1], [0, 2]];

const plain: TiffKind[] = [
  ...[0, 1].flatMap((photometric) =>
    [1, 2, 4, 8, 16].map((bits) => ({
      name: `${photometric === 0 ? 'white-is-zero' : 'black-is-zero'} ${bits} bits`,
      options: { samples: 1, bits, photometric },
      rgb: grey(bits, photometric === 0),
    })),
  ),
  ...[8, 16].map((bits) => ({
    name: `RGB ${bits} bits`,
    options: { samples: 3, bits, photometric: 2 },
    rgb: colour(bits),
  })),
  ...[1, 2, 4, 8].map((bits) => ({
    name: `palette ${bits} bits`,
    options: { samples: 1, bits, photometric: 3, tags: { 320: short(...palette(bits)) } },
    rgb: paletteColour(bits),
  })),
  ...[8, 16].map((bits) => ({ name: `CMYK ${bits} bits`, options: { samples: 4, bits, photometric: 5 } })),
  {
    name: 'YCbCr 8 bits',
    options: {
      samples: 3,
      bits: 8,
      photometric: 6,
      tags: { 530: short(1, 1), 532: rational(0, 255, 128, 255, 128, 255) },
    },
    rgb: ycbcrColour,
  },
];

/** Every kind that is read: samples of whole bytes also with samples after the colours. */
export const tiffKinds: readonly TiffKind[] = plain.flatMap((kind) => [
  kind,
  ...extras.flatMap((extraSamples) => {
    const { samples, bits, photometric } = kind.options;
    const sample = extraSamples.findIndex((meaning) => meaning !== 0);
    const premultiplied = extraSamples.includes(1);
    const readable =
      bits >= 8 &&
      photometric !== 6 &&
      samples + extraSamples.length <= 5 &&
      (!premultiplied || photometric === 1 || photometric === 2);
    if (!readable) return [];
    return {
      ...kind,
      name: `${kind.name}, extra ${extraSamples.join(' ')}`,
      options: { ...kind.options, samples: samples + extraSamples.length, extraSamples },
      alpha: sample < 0 ? undefined : { sample: samples + sample, premultiplied },
    };
  }),
]);

/** How the samples can be stored. */
const storages: readonly { name: string; options: Partial<TiffOptions> }[] = [
  { name: 'strips', options: { rowsPerStrip: 5 } },
  { name: 'big-endian', options: { bigEndian: true } },
  { name: 'BigTIFF', options: { bigTiff: true } },
  { name: 'big-endian BigTIFF', options: { bigTiff: true, bigEndian: true } },
  { name: 'planes', options: { planar: true, rowsPerStrip: 5 } },
  { name: 'tiles', options: { tiled: true } },
  { name: 'reversed bits', options: { reversedBits: true } },
  { name: 'LZW', options: { compression: 5 } },
  { name: 'deflate', options: { compression: 8, rowsPerStrip: 5 } },
  { name: 'old deflate in tiles', options: { compression: 32_946, tiled: true } },
  { name: 'PackBits in planes', options: { compression: 32_773, planar: true } },
  { name: 'LZW with predictor', options: { compression: 5, predictor: 2 } },
  {
    name: 'big-endian deflate with predictor in tiles',
    options: { compression: 8, predictor: 2, tiled: true, bigEndian: true },
  },
];

/** The storages that are read for a kind: no predictor for parts of bytes, separate planes of RGB and CMYK only. */
export function storagesOf({ options: { bits, photometric, samples } }: TiffKind): typeof storages {
  return storages.filter(({ options: { predictor, planar } }) => {
    if (predictor && bits < 8) return false;
    return !planar || (bits >= 8 && (samples === 1 || [2, 5].includes(photometric)));
  });
}

/** Levels that rise across the picture, with some noise: [matrixHeight, matrixWidth, samples]. */
function tiffLevels({ options, alpha }: TiffKind): number[] {
  const { samples, bits } = options;
  const levels: number[] = [];
  for (let i = 0; i < matrixWidth * matrixHeight; i += 1) {
    const pixel = Array.from({ length: samples }, (_, s) => {
      const rising = ((i % matrixWidth) * (s + 1) + Math.floor(i / matrixWidth) * (samples - s)) * 37 + i * i * 11;
      return ((rising % 997) / 996) * (2 ** bits - 1);
    });
    // Multiplied colours are never above alpha.
    const share = alpha?.premultiplied ? (pixel[alpha.sample] ?? 0) / (2 ** bits - 1) : 1;
    levels.push(...pixel.map((value, s) => Math.round(s === alpha?.sample ? value : value * share)));
  }
  return levels;
}

/** The options of a file of a kind. */
export function tiffOf(kind: TiffKind, storage: Partial<TiffOptions>): TiffOptions {
  return { width: matrixWidth, height: matrixHeight, levels: tiffLevels(kind), ...kind.options, ...storage };
}

/** What the file shows over white, by its levels: [matrixHeight, matrixWidth, 3]. Undefined: no simple rule (CMYK). */
export function tiffTruth(kind: TiffKind): number[] | undefined {
  const { rgb, alpha, options } = kind;
  if (!rgb) return undefined;
  const levels = tiffLevels(kind);
  return Array.from({ length: matrixWidth * matrixHeight }, (_, i) => {
    const pixel = levels.slice(i * options.samples, (i + 1) * options.samples);
    if (!alpha) return rgb(pixel);
    const opacity = level(pixel[alpha.sample] ?? 0, options.bits) / 255;
    return rgb(pixel).map((v) => (alpha.premultiplied ? v : v * opacity) + 255 * (1 - opacity));
  }).flat();
}
