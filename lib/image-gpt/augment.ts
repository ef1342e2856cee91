import type { Random } from './random.ts';

/** The paper's CIFAR recipe pads 4 of 32 pixels; other sizes the same share. */
const PAD_SHARE = 4 / 32;

/**
 * Where the pixels of an augmented picture come from, the paper's CIFAR recipe: a reflection
 * pad, a random crop back to the size, and a horizontal flip half of the time. Takes three draws of `random`: x, y, flip.
 *
 * Only moves pixels, so it may come before or after the palette.
 *
 * @returns [height * width], the index of the source pixel in raster order
 */
export function augmentedPixels(width: number, height: number, random: Random): Uint32Array {
  const left = shift(width, random());
  const top = shift(height, random());
  const flip = random() < 0.5;
  const pixels = new Uint32Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const row = reflect(y + top, height) * width;
    for (let x = 0; x < width; x++, i++) {
      pixels[i] = row + reflect((flip ? width - 1 - x : x) + left, width);
    }
  }
  return pixels;
}

/** Offset of the crop from the picture: -pad to +pad, each equally likely. */
function shift(size: number, draw: number): number {
  const pad = Math.round(size * PAD_SHARE);
  return Math.floor(draw * (2 * pad + 1)) - pad;
}

/** Reflection without repeating the edge: -1 is 1, `size` is `size` - 2. */
function reflect(position: number, size: number): number {
  const inside = Math.abs(position);
  return inside < size ? inside : 2 * (size - 1) - inside;
}
