import { flattenAlpha } from '../image-gpt/flatten-alpha.ts';
import { keepChannels } from '../image-gpt/keep-channels.ts';
import { ycbcrToRgb } from '../image-gpt/ycbcr-to-rgb.ts';
import { PictureError } from '../ports/error.ts';
import type { TiffLayout } from './tiff-layout.ts';

/**
 * Turns the channels that libvips returns for a TIFF into RGB: samples that are not alpha are left out, alpha is laid
 * over white, YCbCr is converted. Overwrites `pixels`, because a large picture would not fit into memory twice.
 *
 * @param pixels [pixels, channels]: red, green and blue (or Y, Cb and Cr), then the samples after the colours
 * @returns [pixels, 3], the beginning of `pixels`
 * @throws {PictureError} corrupt_image when libvips has understood the tags differently
 */
export function tiffToRgb(pixels: Uint8Array, channels: number, layout: TiffLayout): Uint8Array {
  const { alpha, ycbcr } = layout;
  if (channels !== layout.channels) {
    const message = `Expected ${layout.channels} channels in a TIFF picture, received ${channels}: its tags contradict each other.`;
    throw new PictureError('corrupt_image', message);
  }
  const rgb =
    alpha === undefined
      ? keepChannels(pixels, channels, [0, 1, 2])
      : flattenAlpha(keepChannels(pixels, channels, [0, 1, 2, 3 + alpha]));
  if (ycbcr) ycbcrToRgb(rgb, ycbcr);
  return rgb;
}
