import { flattenAlpha } from '../image-gpt/flatten-alpha.ts';
import { keepChannels } from '../image-gpt/keep-channels.ts';
import { ycbcrToRgb } from '../image-gpt/ycbcr-to-rgb.ts';
import type { TiffLayout } from './tiff-layout.ts';

/**
 * Turns the channels that libvips returns for a TIFF into RGB: samples that are not alpha are left out, alpha is laid
 * over white, YCbCr is converted. Overwrites `pixels`, because a large picture would not fit into memory twice.
 *
 * @param pixels [pixels, channels]: red, green and blue (or Y, Cb and Cr), then the samples after the colours
 * @returns [pixels, 3], the beginning of `pixels`
 */
export function tiffToRgb(pixels: Uint8Array, channels: number, { alpha, ycbcr }: TiffLayout): Uint8Array {
  const rgb =
    alpha === undefined
      ? keepChannels(pixels, channels, [0, 1, 2])
      : flattenAlpha(keepChannels(pixels, channels, [0, 1, 2, 3 + alpha]));
  if (ycbcr) ycbcrToRgb(rgb, ycbcr);
  return rgb;
}
