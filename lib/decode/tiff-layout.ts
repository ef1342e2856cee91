import { type YcbcrScale, ycbcrDefaults } from '../image-gpt/ycbcr-to-rgb.ts';
import { PictureError } from '../ports/error.ts';
import { readTiffTags, type TagName, type TiffTags } from './tiff-tags.ts';

/** What the samples of a TIFF mean where libvips does not know. */
export interface TiffLayout {
  /** Channels per pixel that libvips returns: red, green and blue, then the samples after the colours. */
  channels: number;
  /** Which sample after the colours is alpha (0: the first). Undefined: none; such samples are left out. */
  alpha: number | undefined;
  /** Set if libvips returns Y, Cb and Cr in place of red, green and blue. */
  ycbcr: YcbcrScale | undefined;
  tiled: boolean;
}

/** A photometric interpretation: samples per pixel that are colours, and the bits of a sample that libvips reads right. */
interface Colours {
  samples: number;
  bits: readonly number[];
}

/** TIFF 6.0's numbers of the photometric interpretations that can be decoded. */
const photometrics = { whiteIsZero: 0, blackIsZero: 1, rgb: 2, palette: 3, cmyk: 5, ycbcr: 6 } as const;

const acceptedColours = new Map<number, Colours>([
  [photometrics.whiteIsZero, { samples: 1, bits: [1, 2, 4, 8, 16] }],
  [photometrics.blackIsZero, { samples: 1, bits: [1, 2, 4, 8, 16] }],
  [photometrics.rgb, { samples: 3, bits: [8, 16] }],
  [photometrics.palette, { samples: 1, bits: [1, 2, 4, 8] }],
  [photometrics.cmyk, { samples: 4, bits: [8, 16] }],
  [photometrics.ycbcr, { samples: 3, bits: [8] }],
]);

/** libvips mixes the planes of the other ones up. */
const planarColours = new Set<number>([photometrics.rgb, photometrics.cmyk]);

/** Stands for a tag that the file does not have. No tag has this value. */
const none = -1;

/** The other photometric interpretations, in words. */
const refusedColours = new Map([
  [none, 'no photometric interpretation'],
  [4, 'a transparency mask'],
  [8, 'CIELab colours'],
  [9, 'ICCLab colours'],
  [10, 'ITULab colours'],
  [32_803, 'the colour filter array of a camera (CFA)'],
  [32_844, 'LogL samples'],
  [32_845, 'LogLuv colours'],
  [34_892, 'the raw data of a camera (LinearRaw)'],
]);

const jpeg = 7;

/** No compression, CCITT (RLE, Group 3 and 4), LZW, JPEG, deflate (both its numbers), PackBits and WebP. */
const acceptedCompressions = new Set([1, 2, 3, 4, 5, jpeg, 8, 32_773, 32_946, 50_001]);

/** The other compressions, in words. libvips returns black tiles for them, without an error. */
const refusedCompressions = new Map([
  [6, 'old-style JPEG'],
  [9, 'JBIG'],
  [10, 'JBIG'],
  [32_766, 'NeXT'],
  [32_771, 'word-aligned CCITT'],
  [32_809, 'ThunderScan'],
  [32_909, 'PixarLog'],
  [33_003, 'JPEG 2000'],
  [33_004, 'JPEG 2000'],
  [33_005, 'JPEG 2000'],
  [34_661, 'JBIG'],
  [34_676, 'SGILog'],
  [34_677, 'SGILog'],
  [34_712, 'JPEG 2000'],
  [34_887, 'LERC'],
  [34_892, 'lossy JPEG'],
  [34_925, 'LZMA'],
  [34_933, 'PNG'],
  [34_934, 'JPEG XR'],
  [50_000, 'ZSTD'],
  [50_002, 'JPEG XL'],
  [52_546, 'JPEG XL'],
]);

const unsignedIntegers = 1;

const refusedSampleFormats = new Map([
  [2, 'signed'],
  [3, 'floating-point'],
  [4, 'untyped'],
  [5, 'complex'],
  [6, 'complex'],
]);

/** sharp refuses more. It counts a palette's index as three. */
const maxChannels = 5;

const associatedAlpha = 1;

/** TIFF 6.0's meanings of a sample after the colours: unspecified, associated (premultiplied) and unassociated alpha. */
const extraSampleMeanings = new Set([0, associatedAlpha, 2]);

/**
 * Decides by its tags how to read a TIFF. libvips guesses instead: a fourth sample is alpha, YCbCr is RGB, floats are
 * levels up to 255. So a TIFF is refused unless its combination of tags is known to be read right; the tests compare
 * each with Pillow.
 *
 * @throws {PictureError} unsupported_format, with what cannot be decoded; corrupt_image
 */
export function tiffLayout(bytes: Uint8Array): TiffLayout {
  const tags = readTiffTags(bytes);
  checkCompression(tags);
  const photometric = one(tags, 'photometric', none);
  const colours = acceptedColours.get(photometric);
  if (!colours)
    throw unsupported(refusedColours.get(photometric) ?? `photometric interpretation ${shown(tags, 'photometric')}`);
  const samples = one(tags, 'samplesPerPixel', 1);
  checkSamples(tags, photometric, colours, samples);
  checkColorMap(tags, photometric);
  checkInks(tags, photometric);
  const alpha = alphaSample(tags, photometric, samples - colours.samples);
  const channels = 3 + samples - colours.samples;
  const returned = photometric === photometrics.ycbcr ? ycbcrChannels(tags, channels) : { channels, ycbcr: undefined };
  return { ...returned, alpha, tiled: tags.has('tileWidth') };
}

function checkCompression(tags: TiffTags): void {
  const compression = one(tags, 'compression', 1);
  if (acceptedCompressions.has(compression)) return;
  throw unsupported(
    `${refusedCompressions.get(compression) ?? `the unknown (${shown(tags, 'compression')})`} compression`,
  );
}

function checkSamples(tags: TiffTags, photometric: number, colours: Colours, samples: number): void {
  const channels = photometric === photometrics.palette ? samples + 2 : samples;
  if (!(channels <= maxChannels)) throw unsupported(`${shown(tags, 'samplesPerPixel')} samples per pixel`);
  if (samples < colours.samples) throw unsupported(`${samples} samples per pixel for ${colours.samples} colours`);
  const format = tags.get('sampleFormat')?.find((value) => value !== unsignedIntegers);
  const bits = tags.get('bitsPerSample') ?? [1];
  if (format !== undefined) {
    throw unsupported(`${bits[0]}-bit ${refusedSampleFormats.get(format) ?? 'unknown'} samples`);
  }
  if (bits.length > maxChannels || bits.some((value) => value !== bits[0]))
    throw unsupported(`samples of different sizes (${shown(tags, 'bitsPerSample')} bits)`);
  if (bits[0] === undefined || !colours.bits.includes(bits[0])) throw unsupported(`${bits[0]}-bit samples`);
  if (one(tags, 'predictor', 1) !== 1 && bits[0] < 8) throw unsupported(`a predictor for ${bits[0]}-bit samples`);
  const planes = one(tags, 'planarConfiguration', 1) !== 1;
  if (planes && tags.has('tileWidth')) throw unsupported('tiles of separate planes');
  if (planes && (bits[0] < 8 || (samples > 1 && !planarColours.has(photometric)))) {
    throw unsupported('separate planes of samples that are not RGB or CMYK');
  }
}

/** libvips would show the indices as greys. */
function checkColorMap(tags: TiffTags, photometric: number): void {
  if (photometric !== photometrics.palette) return;
  const [bits = 1] = tags.get('bitsPerSample') ?? [];
  const colors = (tags.get('colorMap') ?? []).length / 3;
  if (colors !== 2 ** bits) throw unsupported(`a palette of ${colors} colours for ${bits}-bit samples`);
}

function checkInks(tags: TiffTags, photometric: number): void {
  if (photometric !== photometrics.cmyk) return;
  if (one(tags, 'inkSet', 1) !== 1 || one(tags, 'numberOfInks', 4) !== 4) throw unsupported('inks other than CMYK');
}

/** @param extra samples after the colours */
function alphaSample(tags: TiffTags, photometric: number, extra: number): number | undefined {
  const meanings = tags.get('extraSamples') ?? [];
  if (meanings.length !== extra || !meanings.every((meaning) => extraSampleMeanings.has(meaning))) {
    throw unsupported(`samples of unknown meaning beside the colours (ExtraSamples: ${shown(tags, 'extraSamples')})`);
  }
  const alphas = meanings.flatMap((meaning, i) => (meaning === 0 ? [] : [i]));
  if (alphas.length > 1) throw unsupported('two alpha samples');
  const premultiplied = meanings.includes(associatedAlpha);
  if (premultiplied && photometric !== photometrics.blackIsZero && photometric !== photometrics.rgb) {
    throw unsupported('premultiplied alpha and colours that are not RGB');
  }
  return alphas[0];
}

/** libvips converts to RGB what is compressed as JPEG, and to RGBA what is subsampled (the default is by 2, 2). */
function ycbcrChannels(tags: TiffTags, channels: number): Pick<TiffLayout, 'channels' | 'ycbcr'> {
  if (channels !== 3) throw unsupported('YCbCr colours and other samples');
  if (one(tags, 'compression', 1) === jpeg) return { channels, ycbcr: undefined };
  const subsampling = tags.get('yCbCrSubSampling');
  // The default is 2, 2, but older versions of Pillow leave the tag out and subsample nothing.
  if (!subsampling && one(tags, 'compression', 1) === 1) throw unsupported('YCbCr colours without YCbCrSubSampling');
  const subsampled = (subsampling ?? [2, 2]).some((factor) => factor !== 1);
  if (!subsampled) return { channels, ycbcr: ycbcrScale(tags) };
  // libvips neither turns these tiles nor notices when one is damaged.
  if (tags.has('tileWidth')) throw unsupported('tiles of subsampled YCbCr colours');
  return { channels: 4, ycbcr: undefined };
}

function ycbcrScale(tags: TiffTags): YcbcrScale {
  if (tags.has('iccProfile')) throw unsupported('YCbCr colours and a colour profile');
  const [red = 0, green = 0, blue = 0] = tags.get('yCbCrCoefficients') ?? ycbcrDefaults.coefficients;
  const [black = 0, white = 0, zeroBlue = 0, maxBlue = 0, zeroRed = 0, maxRed = 0] =
    tags.get('referenceBlackWhite') ?? ycbcrDefaults.reference;
  if (!(green > 0 && white > black && maxBlue > zeroBlue && maxRed > zeroRed)) {
    throw unsupported('YCbCr colours of an impossible scale');
  }
  const scale: Omit<YcbcrScale, 'rounding'> = {
    coefficients: [red, green, blue],
    reference: [black, white, zeroBlue, maxBlue, zeroRed, maxRed],
  };
  // Pillow leaves compressed files to libtiff. It reads the others itself, by the defaults.
  const pillowsOwn = one(tags, 'compression', 1) === 1 && isDefault(scale);
  return { ...scale, rounding: pillowsOwn ? 'down' : 'nearest' };
}

function isDefault({ coefficients, reference }: Omit<YcbcrScale, 'rounding'>): boolean {
  return (
    coefficients.every((value, i) => value === ycbcrDefaults.coefficients[i]) &&
    reference.every((value, i) => value === ycbcrDefaults.reference[i])
  );
}

/** The only value of a tag. NaN if it has none or several. */
function one(tags: TiffTags, name: TagName, otherwise: number): number {
  const values = tags.get(name) ?? [otherwise];
  return values.length === 1 && values[0] !== undefined ? values[0] : Number.NaN;
}

/** The first values of a tag in messages. */
function shown(tags: TiffTags, name: TagName): string {
  const values = (tags.get(name) ?? []).slice(0, maxChannels);
  return values.map((value) => (Number.isNaN(value) ? 'no number' : value)).join(', ') || 'none';
}

function unsupported(received: string): PictureError {
  return new PictureError(
    'unsupported_format',
    `Expected a TIFF picture in a common coding, received one with ${received}: convert it to PNG or JPEG.`,
  );
}
