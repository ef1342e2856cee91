/** How Y, Cb and Cr of a TIFF become red, green and blue (TIFF 6.0, section 21). */
export interface YcbcrScale {
  /** Shares of red, green and blue in Y. They add up to 1. */
  coefficients: readonly [number, number, number];
  /** Levels of black and white of Y, then of zero and the maximum of Cb and of Cr. */
  reference: readonly [number, number, number, number, number, number];
  /** What becomes of parts of a level: `nearest` is libtiff's rule, `down` that of Pillow's own conversion. */
  rounding: 'nearest' | 'down';
}

/** The values that a TIFF without these tags has. */
export const ycbcrDefaults = {
  coefficients: [0.299, 0.587, 0.114],
  reference: [0, 255, 128, 255, 128, 255],
  rounding: 'nearest',
} as const satisfies YcbcrScale;

/**
 * Converts 8-bit YCbCr to RGB in place. Y, Cb and Cr are scaled to whole levels first, as in libtiff.
 *
 * @param pixels [pixels, 3]
 */
export function ycbcrToRgb(pixels: Uint8Array, { coefficients, reference, rounding }: YcbcrScale): void {
  const [red, green, blue] = coefficients;
  const [black, white, zeroBlue, maxBlue, zeroRed, maxRed] = reference;
  const lumaScale = 255 / (white - black);
  const blueScale = 127 / (maxBlue - zeroBlue);
  const redScale = 127 / (maxRed - zeroRed);
  const { factor, share, whole } = arithmetic[rounding];
  const redOfCr = factor(2 - 2 * red);
  const blueOfCb = factor(2 - 2 * blue);
  const greenOfCr = factor((-red * (2 - 2 * red)) / green);
  const greenOfCb = factor((-blue * (2 - 2 * blue)) / green);
  const rgb = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  for (let i = 0; i < rgb.length; i += 3) {
    const y = Math.trunc((rgb[i]! - black) * lumaScale);
    const cb = Math.trunc((rgb[i + 1]! - zeroBlue) * blueScale);
    const cr = Math.trunc((rgb[i + 2]! - zeroRed) * redScale);
    rgb[i] = y + whole(share(redOfCr * cr));
    rgb[i + 1] = y + whole(share(greenOfCb * cb) + share(greenOfCr * cr));
    rgb[i + 2] = y + whole(share(blueOfCb * cb));
  }
}

/** Integer arithmetic of both libraries: decimals of a factor, binary places of a share, rounding of their sum. */
const arithmetic = {
  nearest: {
    factor: (value: number) => Math.round(value * 65_536) / 65_536,
    share: (value: number) => value,
    whole: (value: number) => Math.floor(value + 0.5),
  },
  down: {
    factor: (value: number) => Math.round(value * 1e5) / 1e5,
    // Conversion to an integer in C.
    share: (value: number) => Math.trunc(value * 64 + 0.5) / 64,
    whole: Math.floor,
  },
} as const;
