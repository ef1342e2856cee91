import type { Random } from './random.ts';

/** The paper's CIFAR recipe pads 4 of 32 pixels. Other sizes use the same share. */
const padShare = 4 / 32;

/**
 * Source pixels of an augmented picture, by the paper's CIFAR recipe: reflection pad, random crop back to the size, and a
 * horizontal flip with probability 1/2. Draws three times from `random`: x, y, flip.
 *
 * Augmentation only moves pixels, so it may come before or after quantization.
 *
 * @returns [height * width] indices of source pixels, in raster order
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

/** Offset of the crop: -pad to +pad, all equally likely. */
function shift(size: number, draw: number): number {
  const pad = Math.round(size * padShare);
  return Math.floor(draw * (2 * pad + 1)) - pad;
}

/** Reflects a position at the edges without repeating them: -1 becomes 1, `size` becomes `size` - 2. */
function reflect(position: number, size: number): number {
  const inside = Math.abs(position);
  return inside < size ? inside : 2 * (size - 1) - inside;
}
