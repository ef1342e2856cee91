import type { Metadata, OutputInfo, Sharp } from 'sharp';
import sharp from 'sharp';
import { flattenAlpha } from '../image-gpt/flatten-alpha.ts';
import type { RgbPicture } from '../image-gpt/picture-grid.ts';
import { applyRecipe, type Recipe, recipeShortSide } from '../image-gpt/recipe.ts';
import { releaseMemory } from '../image-gpt/release-memory.ts';
import { PictureError } from '../ports/error.ts';
import type { DecodedPicture } from '../ports/picture-decoder.ts';
import {
  type AcceptedFormat,
  acceptedFormats,
  isAccepted,
  photographFormats,
  pictureFormat,
} from './picture-format.ts';
import { isSrgbProfile } from './srgb-profile.ts';
import { type TiffLayout, tiffLayout } from './tiff-layout.ts';
import { repairTiff } from './tiff-repair.ts';
import { tiffToRgb } from './tiff-to-rgb.ts';

/** Limits and recipe for decoding a picture. */
export interface DecodeSettings {
  recipe: Recipe;
  /** Pixels of the whole picture. Larger pictures are refused by their header. */
  maxPixels: number;
  allowSvg: boolean;
  scaledDecoding: boolean;
}

/**
 * Sets up libvips for this process: one thread, no cache (each picture is decoded once), and only the loaders of the
 * accepted formats. Call it before the first {@link decodePicture}.
 */
export function restrictLibvips(allowSvg: boolean): void {
  sharp.concurrency(1);
  sharp.cache(false);
  sharp.block({ operation: ['VipsForeignLoad'] });
  const { svg, ...photographs } = acceptedFormats;
  const allowed = [...Object.values(photographs), ...(allowSvg ? [svg] : [])];
  sharp.unblock({ operation: allowed.map(({ loader }) => loader) });
}

/**
 * Decodes a picture and resizes it to the input resolution:
 *
 * 1. The first frame or page is read, and the EXIF orientation is applied.
 * 2. Colours are converted to sRGB by the ICC profile (libvips' own profile for CMYK without one).
 * 3. 16 bits become 8 by dropping the low byte, as Pillow reads 16-bit PNGs. Greyscale becomes three equal channels.
 * 4. Transparent pixels are laid over white.
 *
 * JPEGs, PNGs and WebPs without a profile, or with an sRGB profile, give the same bytes as Pillow (transparent ones as
 * its `alpha_composite` over white). tiff-layout.ts says which TIFFs are read. Untrusted bytes belong in a child process:
 * see decode-child.ts.
 *
 * @throws {PictureError} unsupported_format, corrupt_image, image_too_large
 */
export async function decodePicture(bytes: Uint8Array, settings: DecodeSettings): Promise<DecodedPicture> {
  const format = acceptedFormat(bytes, settings.allowSvg);
  const { name } = acceptedFormats[format];
  const readable = format === 'tiff' ? repairTiff(bytes) : bytes;
  const tiff = format === 'tiff' ? tiffLayout(readable) : undefined;
  const metadata = await readHeader(readable, name);
  if (format === 'heif' && metadata.compression !== 'av1') {
    throw new PictureError(
      'unsupported_format',
      'Expected an AVIF picture, received HEIC, which cannot be decoded: convert it to JPEG.',
    );
  }
  const { width, height } = metadata.autoOrient;
  if (width * height > settings.maxPixels) {
    throw new PictureError(
      'image_too_large',
      `Expected at most ${settings.maxPixels} pixels, received ${width}x${height}: make the picture smaller.`,
    );
  }
  const pixels = await readPixels(readable, metadata, settings, name, tiff);
  const rgb = applyRecipe(pixels.rgb, pixels.width, pixels.height, settings.recipe);
  // Nobody else uses these pixels. Left to the garbage collector, a megabyte per picture takes 10 % of the time.
  releaseMemory(pixels.rgb);
  return { format: format === 'heif' ? 'avif' : format, width, height, rgb };
}

function acceptedFormat(bytes: Uint8Array, allowSvg: boolean): AcceptedFormat {
  const format = pictureFormat(bytes);
  if (format === 'svg' && !allowSvg) {
    throw new PictureError(
      'unsupported_format',
      'Expected a photograph, received an SVG drawing, which is refused by default: use --allow-svg to render it.',
    );
  }
  if (format === undefined || !isAccepted(format)) {
    const received = format === undefined ? 'something else' : `a ${format.toUpperCase()} file`;
    throw new PictureError('unsupported_format', `Expected a ${photographFormats()} picture, received ${received}.`);
  }
  return format;
}

async function readHeader(bytes: Uint8Array, name: string): Promise<Metadata> {
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
  name: string,
  tiff: TiffLayout | undefined,
): Promise<RgbPicture> {
  const image = sharp(bytes, {
    // As strict as Pillow: pixel data that is cut off or unreadable fails. 'warning' would also refuse pictures that
    // every viewer shows, for instance a JPEG with stray bytes before a marker.
    // In a tiled TIFF, only 'warning' makes libvips fail for a damaged tile: it would be black.
    failOn: tiff?.tiled ? 'warning' : 'error',
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
  if (tiff) return { rgb: tiffToRgb(pixels, channels, tiff), width, height };
  if (channels === 3) return { rgb: pixels, width, height };
  // sharp's own flatten truncates instead of rounding.
  if (channels === 4 && metadata.hasAlpha) return { rgb: flattenAlpha(pixels), width, height };
  throw new PictureError('corrupt_image', `The ${name} picture cannot be read as colours.`);
}

/** Converts to 8-bit sRGB, keeping alpha. */
function colors(image: Sharp, metadata: Metadata): Sharp {
  const srgb = image.toColourspace('srgb');
  // sharp first converts 16-bit pictures with a profile to Display P3; this converts them to sRGB.
  return metadata.depth === 'ushort' && metadata.icc ? srgb.withIccProfile('srgb') : srgb;
}

/**
 * Least short side after scaled decoding, as a multiple of the short side that the recipe reads. Pillow's filter then
 * still does most of the reduction. The crop recipe needs less, because it reduces its 224 pixels once more.
 */
const keptDetail = { none: 8, 'short-224-center': 2 };

/**
 * Lets libjpeg decode a JPEG at 1/8, 1/4 or 1/2 of its size, which saves most of its work. sharp uses 1/8 only for a
 * total reduction of more than 8, and so on. Hence 9, 5 and 3.
 */
function scaled(image: Sharp, metadata: Metadata, { scaledDecoding, recipe }: DecodeSettings): Sharp {
  if (!scaledDecoding || metadata.format !== 'jpeg') return image;
  const { width, height } = metadata.autoOrient;
  const possible = Math.min(width, height) / (recipeShortSide(recipe) * keptDetail[recipe.crop]);
  const reduction = [9, 5, 3].find((r) => r <= possible);
  if (reduction === undefined) return image;
  const size = { width: Math.floor(width / reduction), height: Math.floor(height / reduction) };
  return image.resize({ ...size, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: true });
}

/** The message leaves out libvips' own text, which may contain paths of the machine. */
function damaged(name: string, cause: unknown): PictureError {
  const text = cause instanceof Error ? cause.message : '';
  if (/memory|alloc/i.test(text)) {
    const message = `The ${name} picture needs more memory than decoding may use: make it smaller.`;
    return new PictureError('image_too_large', message, { cause });
  }
  const cut = /premature end|end of|truncat|not enough data|bad seek/i.test(text);
  return new PictureError(
    'corrupt_image',
    cut
      ? `The ${name} picture is cut off: its data ends too early.`
      : `The ${name} picture is damaged and cannot be decoded.`,
    { cause },
  );
}
