import type { Metadata, OutputInfo, Sharp } from 'sharp';
import sharp from 'sharp';
import { flattenAlpha } from '../image-gpt/flatten-alpha.ts';
import type { RgbPicture } from '../image-gpt/picture-grid.ts';
import { applyRecipe, type Recipe, recipeShortSide } from '../image-gpt/recipe.ts';
import { releaseMemory } from '../image-gpt/release-memory.ts';
import { PictureError } from '../ports/error.ts';
import type { DecodedPicture } from '../ports/picture-decoder.ts';
import { firstFrame, trackCoding } from './avif-track.ts';
import { fillAroundFrame } from './gif-frame.ts';
import { greyProfileColors, isGrey, isGreyProfile } from './grey-profile.ts';
import { asStillAvif, heifCoding } from './heif-container.ts';
import { liesOnItsSide, type Orientation, pictureOrientation, upright } from './orientation.ts';
import {
  type AcceptedFormat,
  acceptedFormats,
  photographFormats,
  pictureFormat,
  pictureHead,
} from './picture-format.ts';
import { refusedFormat } from './refused-formats.ts';
import { isSrgbProfile } from './srgb-profile.ts';
import { type TiffLayout, tiffLayout } from './tiff-layout.ts';
import { repairTiff } from './tiff-repair.ts';
import { tiffToRgb } from './tiff-to-rgb.ts';
import { unsupportedCoding } from './unsupported-coding.ts';

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
 * 1. The first frame or page is read and turned upright (orientation.ts).
 * 2. 16 bits become 8 by dropping the low byte, as Pillow reads 16-bit PNGs.
 * 3. Colours are converted to sRGB by the ICC profile (libvips' own profile for CMYK without one). Greyscale becomes
 *    three equal channels.
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
  const source = readableSource(bytes, format);
  const metadata = await readHeader(source);
  const orientation = pictureOrientation(bytes, format, metadata);
  const [width, height] = liesOnItsSide(orientation)
    ? [metadata.height, metadata.width]
    : [metadata.width, metadata.height];
  if (width * height > settings.maxPixels) {
    throw new PictureError(
      'image_too_large',
      `Expected at most ${settings.maxPixels} pixels, received ${width}x${height}: make the picture smaller.`,
    );
  }
  const pixels = await readPixels(source, metadata, orientation, settings);
  const rgb = applyRecipe(pixels.rgb, pixels.width, pixels.height, settings.recipe);
  // Nobody else uses these pixels. Left to the garbage collector, a megabyte per picture takes 10 % of the time.
  releaseMemory(pixels.rgb);
  return { format: format === 'heif' ? 'avif' : format, width, height, rgb };
}

/** Bytes that libvips' loader of their format takes. */
interface Source {
  bytes: Uint8Array;
  format: AcceptedFormat;
  /** Set for a TIFF. */
  tiff: TiffLayout | undefined;
}

function readableSource(bytes: Uint8Array, format: AcceptedFormat): Source {
  if (format === 'heif') return { bytes: stillAvif(bytes), format, tiff: undefined };
  if (format !== 'tiff') return { bytes, format, tiff: undefined };
  const repaired = repairTiff(bytes);
  return { bytes: repaired, format, tiff: tiffLayout(repaired) };
}

function acceptedFormat(bytes: Uint8Array, allowSvg: boolean): AcceptedFormat {
  const format = pictureFormat(bytes);
  if (format === 'svg' && !allowSvg) {
    throw new PictureError(
      'unsupported_format',
      'Expected a photograph, received an SVG drawing, which is refused by default: use --allow-svg to render it.',
    );
  }
  if (format !== undefined) return format;
  const name = refusedFormat(pictureHead(bytes));
  const received = name === undefined ? 'something else' : `a file in ${name} format: convert it to JPEG or PNG`;
  throw new PictureError('unsupported_format', `Expected a ${photographFormats()} picture, received ${received}.`);
}

/** @throws {PictureError} unsupported_format when the picture is not coded in AV1 */
function stillAvif(bytes: Uint8Array): Uint8Array {
  const coding = heifCoding(bytes);
  const still = coding === undefined ? firstFrame(bytes) : coding === 'AV1' && asStillAvif(bytes);
  if (still) return still;
  const animation = trackCoding(bytes);
  if (coding === undefined && (animation === undefined || animation === 'AV1')) throw damaged('heif');
  const received = coding === undefined ? `an animation in ${animation}` : `a HEIF picture in ${coding}`;
  throw new PictureError(
    'unsupported_format',
    `Expected an AVIF picture, received ${received}, which cannot be decoded: convert it to JPEG.`,
  );
}

async function readHeader({ bytes, format }: Source): Promise<Metadata> {
  try {
    return await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw undecodable(bytes, format, cause);
  }
}

async function readPixels(
  { bytes, format, tiff }: Source,
  metadata: Metadata,
  orientation: Orientation,
  settings: DecodeSettings,
): Promise<RgbPicture> {
  const image = sharp(bytes, {
    // As strict as Pillow: pixel data that is cut off or unreadable fails. 'warning' would also refuse pictures that
    // every viewer shows, for instance a JPEG with stray bytes before a marker.
    // In a tiled TIFF, only 'warning' makes libvips fail for a damaged tile: it would be black.
    failOn: tiff?.tiled ? 'warning' : 'error',
    limitInputPixels: settings.maxPixels,
    ignoreIcc: metadata.icc !== undefined && isSrgbProfile(metadata.icc),
  });
  let raw: { data: Buffer; info: OutputInfo };
  try {
    raw = await colors(upright(scaled(image, metadata, settings), orientation), metadata)
      .raw()
      .toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw undecodable(bytes, format, cause);
  }
  const { width, height, channels } = raw.info;
  const pixels = new Uint8Array(raw.data.buffer, raw.data.byteOffset, raw.data.length);
  await applyGreyProfile(pixels, channels, metadata);
  if (format === 'gif') fillAroundFrame(bytes, pixels, { width, height, channels });
  if (tiff) return { rgb: tiffToRgb(pixels, channels, tiff), width, height };
  if (channels === 3) return { rgb: pixels, width, height };
  // sharp's own flatten truncates instead of rounding.
  if (channels === 4 && metadata.hasAlpha) return { rgb: flattenAlpha(pixels), width, height };
  const { name } = acceptedFormats[format];
  throw new PictureError(
    'unsupported_format',
    `Expected colours or greys, received a ${name} with ${metadata.channels} channels: convert it to RGB.`,
  );
}

/**
 * Converts to 8-bit sRGB, keeping alpha. 16-bit colours become 8-bit before their profile is applied; sharp itself would
 * go through Display P3. It ignores some profiles of greys: see {@link applyGreyProfile}.
 */
function colors(image: Sharp, { space }: Metadata): Sharp {
  return (space === 'rgb16' ? image.pipelineColourspace('srgb') : image).toColourspace('srgb');
}

/**
 * Replaces the levels of greys whose profile sharp ignores, now [height, width, channels] of 8 bits, by the colours they
 * mean. Those are greys of 16 bits, and a grey AVIF, which libvips reads as RGB.
 */
async function applyGreyProfile(pixels: Uint8Array, channels: number, metadata: Metadata): Promise<void> {
  const { space, format, icc } = metadata;
  if (!icc) return;
  const ignored = space === 'grey16' || (format === 'heif' && isGreyProfile(icc) && isGrey(pixels, channels));
  if (!ignored) return;
  const colors = await greyProfileColors(icc);
  for (let at = 0; at < pixels.length; at += channels) {
    const color = (pixels[at] ?? 0) * 3;
    for (let channel = 0; channel < 3; channel += 1) pixels[at + channel] = colors[color + channel] ?? 0;
  }
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
  const { width, height } = metadata;
  const possible = Math.min(width, height) / (recipeShortSide(recipe) * keptDetail[recipe.crop]);
  const reduction = [9, 5, 3].find((r) => r <= possible);
  if (reduction === undefined) return image;
  const size = { width: Math.floor(width / reduction), height: Math.floor(height / reduction) };
  return image.resize({ ...size, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: true });
}

/** Why libvips could not decode a picture. The message leaves out libvips' own text, which may contain paths. */
function undecodable(bytes: Uint8Array, format: AcceptedFormat, cause: unknown): PictureError {
  const { name } = acceptedFormats[format];
  const text = cause instanceof Error ? cause.message : '';
  if (/memory|alloc/i.test(text)) {
    const message = `The ${name} picture needs more memory than decoding may use: make it smaller.`;
    return new PictureError('image_too_large', message, { cause });
  }
  const coding = unsupportedCoding(bytes, format);
  if (coding !== undefined) {
    const message = `Expected an ordinary ${name}, received one with ${coding}: convert it to an ordinary JPEG or PNG.`;
    return new PictureError('unsupported_format', message, { cause });
  }
  return damaged(format, cause);
}

function damaged(format: AcceptedFormat, cause?: unknown): PictureError {
  const { name } = acceptedFormats[format];
  const text = cause instanceof Error ? cause.message : '';
  const cut = /premature end|end of|truncat|not enough data|bad seek/i.test(text);
  return new PictureError(
    'corrupt_image',
    cut
      ? `The ${name} picture is cut off: its data ends too early.`
      : `The ${name} picture is damaged and cannot be decoded.`,
    { cause },
  );
}
