/**
 * Lays a picture over white and drops its alpha. Each channel becomes (value x alpha + 255 x (255 - alpha)) / 255, rounded
 * to the nearest level. There are no ties, because 255 is odd. The result equals Pillow's `Image.alpha_composite` over
 * opaque white for all 65,536 pairs of value and alpha.
 *
 * Overwrites `rgba`, because a large picture would not fit into memory twice.
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

/** Divides and rounds to the nearest integer; exact for 0 to 65,025. Uses 1/255 = 1/256 + 1/65,536 + … */
function divideBy255(value: number): number {
  const rounding = value + 128;
  return (rounding + (rounding >> 8)) >> 8;
}
