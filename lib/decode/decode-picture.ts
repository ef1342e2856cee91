import type { Metadata, OutputInfo, Sharp } from 'sharp';
import sharp from 'sharp';
import { flattenAlpha } from '../image-gpt/flatten-alpha.ts';
import type { RgbPicture } from '../image-gpt/picture-grid.ts';
import { applyRecipe, type Recipe, recipeShortSide } from '../image-gpt/recipe.ts';
import { releaseMemory } from '../image-gpt/release-memory.ts';
import { PictureError } from '../ports/error.ts';
import type { DecodedPicture } from '../ports/picture-decoder.ts';
import { type PictureFormat, pictureFormat } from './picture-format.ts';
import { isSrgbProfile } from './srgb-profile.ts';

/** What is decoded, and how. */
export interface DecodeSettings {
  recipe: Recipe;
  /** Pixels of the whole picture; larger ones are refused from their header. */
  maxPixels: number;
  allowSvg: boolean;
  scaledDecoding: boolean;
}

const ACCEPTED: Partial<Record<PictureFormat, string>> = {
  jpeg: 'JPEG',
  png: 'PNG',
  webp: 'WebP',
  gif: 'GIF',
  tiff: 'TIFF',
  heif: 'AVIF',
  svg: 'SVG',
};

/** The loaders that may run, one for each accepted format: every other one of libvips stays blocked. */
const LOADERS = {
  jpeg: 'VipsForeignLoadJpegBuffer',
  png: 'VipsForeignLoadPngBuffer',
  webp: 'VipsForeignLoadWebpBuffer',
  gif: 'VipsForeignLoadNsgifBuffer',
  tiff: 'VipsForeignLoadTiffBuffer',
  heif: 'VipsForeignLoadHeifBuffer',
};
const SVG_LOADER = 'VipsForeignLoadSvgBuffer';

/**
 * Sets libvips up for this process: one thread, no cache (a picture comes once), and only the loaders that are wanted.
 * To be called before the first {@link decodePicture}.
 */
export function restrictLibvips(allowSvg: boolean): void {
  sharp.concurrency(1);
  sharp.cache(false);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: [...Object.values(LOADERS), ...(allowSvg ? [SVG_LOADER] : [])] });
}

/**
 * Decodes a picture and brings it to the input resolution: first frame or page, EXIF orientation applied, converted
 * to sRGB by its ICC profile (CMYK without one by libvips' own), 16 bits to 8 by dropping the low byte (as Pillow
 * reads 16-bit PNGs), greyscale to three equal channels, and at last, in 8 bits, laid over white by its alpha.
 *
 * JPEGs, PNGs and WebPs without a profile, or with sRGB's, come out byte for byte as from Pillow, transparent ones as
 * from its `alpha_composite` over white. Where it runs untrusted bytes it belongs in a child process: see
 * decode-child.ts.
 *
 * @throws {PictureError} unsupported_format, corrupt_image, image_too_large
 */
export async function decodePicture(bytes: Uint8Array, settings: DecodeSettings): Promise<DecodedPicture> {
  const format = acceptedFormat(bytes, settings.allowSvg);
  const name = ACCEPTED[format];
  const metadata = await readHeader(bytes, name);
  if (format === 'heif' && metadata.compression !== 'av1') {
    throw new PictureError(
      'unsupported_format',
      'Expected an AVIF picture, received a HEIC one, whose HEVC coding cannot be read: convert it to JPEG.',
    );
  }
  const { width, height } = metadata.autoOrient;
  if (width * height > settings.maxPixels) {
    throw new PictureError(
      'image_too_large',
      `Expected at most ${settings.maxPixels} pixels, received ${width}x${height}: make the picture smaller.`,
    );
  }
  const pixels = await readPixels(bytes, metadata, settings, name);
  const rgb = applyRecipe(pixels.rgb, pixels.width, pixels.height, settings.recipe);
  // sharp made it for us alone. Left behind, a megabyte a picture makes the garbage collector run a tenth of the time.
  releaseMemory(pixels.rgb);
  return { format: format === 'heif' ? 'avif' : format, width, height, rgb };
}

function acceptedFormat(bytes: Uint8Array, allowSvg: boolean): PictureFormat {
  const format = pictureFormat(bytes);
  if (format === 'svg' && !allowSvg) {
    throw new PictureError(
      'unsupported_format',
      'Expected a photograph, received an SVG drawing, which is refused by default: use --allow-svg to render it.',
    );
  }
  if (format === undefined || !(format in ACCEPTED)) {
    const received = format === undefined ? 'something else' : `a ${format.toUpperCase()} file`;
    throw new PictureError(
      'unsupported_format',
      `Expected a JPEG, PNG, WebP, GIF, TIFF or AVIF picture, received ${received}.`,
    );
  }
  return format;
}

async function readHeader(bytes: Uint8Array, name: string | undefined): Promise<Metadata> {
  try {
    return await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw damaged(name, cause);
  }
}

async function readPixels(
  bytes: Uint8Array,
  metadata: Metadata,
  settings: DecodeSettings,
  name: string | undefined,
): Promise<RgbPicture> {
  const image = sharp(bytes, {
    // As strict as Pillow: pixel data that ends early or cannot be read fails, what libjpeg merely warns of (stray
    // bytes before a marker) does not; 'warning' would refuse pictures that every viewer shows.
    failOn: 'error',
    limitInputPixels: settings.maxPixels,
    autoOrient: true,
    ignoreIcc: metadata.icc !== undefined && isSrgbProfile(metadata.icc),
  });
  let raw: { data: Buffer; info: OutputInfo };
  try {
    raw = await colors(scaled(image, metadata, settings), metadata)
      .raw()
      .toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw damaged(name, cause);
  }
  const { width, height, channels } = raw.info;
  const pixels = new Uint8Array(raw.data.buffer, raw.data.byteOffset, raw.data.length);
  if (channels === 3) return { rgb: pixels, width, height };
  // sharp's own flatten cuts fractions off instead of rounding.
  if (channels === 4 && metadata.hasAlpha) return { rgb: flattenAlpha(pixels), width, height };
  throw new PictureError('corrupt_image', `The ${name} picture cannot be read as colours.`);
}

/** Everything in 8-bit sRGB, with its alpha where it has one. */
function colors(image: Sharp, metadata: Metadata): Sharp {
  const srgb = image.toColourspace('srgb');
  // sharp converts 16-bit pictures with a profile to Display P3 on the way in; this brings them on to sRGB.
  return metadata.depth === 'ushort' && metadata.icc ? srgb.withIccProfile('srgb') : srgb;
}

/**
 * Short side that scaled decoding keeps, as a multiple of the one that the recipe reads: Pillow's filter still does
 * most of the reduction. The crop recipe needs less, for it reduces its 224 pixels once more.
 */
const KEPT_DETAIL = { none: 8, 'short-224-center': 2 };

/**
 * Lets libjpeg decode a JPEG at 1/8, 1/4 or 1/2 of its size, most of which it then need not compute. sharp chooses
 * that fraction only where something is left to reduce (by libvips), hence 9, 5 and 3.
 */
function scaled(image: Sharp, metadata: Metadata, { scaledDecoding, recipe }: DecodeSettings): Sharp {
  if (!scaledDecoding || metadata.format !== 'jpeg') return image;
  const { width, height } = metadata.autoOrient;
  const possible = Math.min(width, height) / (recipeShortSide(recipe) * KEPT_DETAIL[recipe.crop]);
  const reduction = [9, 5, 3].find((r) => r <= possible);
  if (reduction === undefined) return image;
  const size = { width: Math.floor(width / reduction), height: Math.floor(height / reduction) };
  return image.resize({ ...size, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: true });
}

/** libvips' own text stays out of the message: it may hold paths of the machine. */
function damaged(name: string | undefined, cause: unknown): PictureError {
  const text = cause instanceof Error ? cause.message : '';
  if (/memory|alloc/i.test(text)) {
    return new PictureError('image_too_large', `The ${name} picture needs more memory than decoding may use.`, {
      cause,
    });
  }
  if (/labq/i.test(text)) {
    return new PictureError('unsupported_format', `The ${name} picture is in CIELab colours, which cannot be read.`, {
      cause,
    });
  }
  const cut = /premature end|end of|truncat|not enough data|bad seek/i.test(text);
  return new PictureError(
    'corrupt_image',
    cut
      ? `The ${name} picture is cut off: its data end too early.`
      : `The ${name} picture is damaged and cannot be decoded.`,
    { cause },
  );
}
