/** How a TIFF scales Y, Cb and Cr (TIFF 6.0, section 21). */
export interface YcbcrScale {
  /** Shares of red, green and blue in Y. They add up to 1. */
  coefficients: readonly [number, number, number];
  /** Levels of black and white of Y, then of zero and the maximum of Cb and of Cr. */
  reference: readonly [number, number, number, number, number, number];
}

/** The values that a TIFF without these tags has. */
export const ycbcrDefaults: YcbcrScale = {
  coefficients: [0.299, 0.587, 0.114],
  reference: [0, 255, 128, 255, 128, 255],
};

/**
 * Converts 8-bit YCbCr to RGB in place. As in libtiff, which Pillow uses, Y, Cb and Cr are scaled to whole levels first,
 * and red, green and blue are rounded to the nearest.
 *
 * @param pixels [pixels, 3]
 */
export function ycbcrToRgb(pixels: Uint8Array, { coefficients, reference }: YcbcrScale): void {
  const [red, green, blue] = coefficients;
  const [black, white, zeroBlue, maxBlue, zeroRed, maxRed] = reference;
  const lumaScale = 255 / (white - black);
  const blueScale = 127 / (maxBlue - zeroBlue);
  const redScale = 127 / (maxRed - zeroRed);
  // A clamped array rounds what is written to it.
  const rgb = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  for (let i = 0; i < rgb.length; i += 3) {
    const y = Math.trunc((rgb[i]! - black) * lumaScale);
    const b = y + (2 - 2 * blue) * Math.trunc((rgb[i + 1]! - zeroBlue) * blueScale);
    const r = y + (2 - 2 * red) * Math.trunc((rgb[i + 2]! - zeroRed) * redScale);
    rgb[i] = r;
    rgb[i + 1] = y - (red * (r - y) + blue * (b - y)) / green;
    rgb[i + 2] = b;
  }
}
