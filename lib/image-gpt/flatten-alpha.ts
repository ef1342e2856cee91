/**
 * Lays a picture over white and drops its alpha: each channel is its value's share plus white's share,
 * (value x alpha + 255 x (255 - alpha)) / 255, rounded to the nearest level (there are no ties, 255 being odd). That is
 * byte for byte Pillow's `Image.alpha_composite` over opaque white, whose fixed point comes to the same for all 65,536
 * pairs of value and alpha.
 *
 * Works in place, for a large picture would not fit twice: `rgba` is overwritten.
 *
 * @param rgba [pixels, 4], not premultiplied
 * @returns [pixels, 3], the first three quarters of `rgba`
 */
export function flattenAlpha(rgba: Uint8Array): Uint8Array {
  let o = 0;
  for (let i = 0; i < rgba.length; i += 4, o += 3) {
    const alpha = rgba[i + 3]!;
    if (alpha === 255) {
      rgba[o] = rgba[i]!;
      rgba[o + 1] = rgba[i + 1]!;
      rgba[o + 2] = rgba[i + 2]!;
      continue;
    }
    const white = 255 * (255 - alpha);
    rgba[o] = divideBy255(rgba[i]! * alpha + white);
    rgba[o + 1] = divideBy255(rgba[i + 1]! * alpha + white);
    rgba[o + 2] = divideBy255(rgba[i + 2]! * alpha + white);
  }
  return rgba.subarray(0, o);
}

/** Rounded to nearest; exact for 0..65,025, by 1/255 = 1/256 + 1/65,536 + …. */
function divideBy255(value: number): number {
  const rounding = value + 128;
  return (rounding + (rounding >> 8)) >> 8;
}
