import { keptPart, pictureGrid, type RgbPicture } from '../image-gpt/picture-grid.ts';
import { tokensToRgb } from '../image-gpt/token-colors.ts';
import type { Preprocessing } from '../ports/model.ts';

interface Completion {
  /** Tokens that were kept, k. */
  keep: number;
  samples: number;
  preprocessing: Preprocessing;
}

/**
 * The paper's completion figure. Each row is one picture: original, kept part, samples.
 *
 * @param tokens [N, n]
 * @param completed [N, samples, n]
 */
export function completionGrid(
  tokens: Uint16Array,
  completed: Uint16Array,
  { keep, samples, preprocessing }: Completion,
): RgbPicture {
  const { width, height, palette } = preprocessing;
  const n = width * height;
  const tile = (all: Uint16Array, i: number) => ({
    rgb: tokensToRgb(all.subarray(i * n, (i + 1) * n), palette),
    width,
    height,
  });
  const rows = Array.from({ length: tokens.length / n }, (_, picture) => {
    const original = tile(tokens, picture);
    const painted = Array.from({ length: samples }, (_, sample) => tile(completed, picture * samples + sample));
    return [original, keptPart(original, keep), ...painted];
  });
  return pictureGrid(rows, gridScale(width, samples + 2));
}

/** Preferred side of a tile (pixels). */
const preferredTile = 128;

/** Widest grid (pixels) that fits easily into memory and image viewers. */
const maxGridWidth = 8192;

/** Factor by which tiles are enlarged in a grid with `columns` columns. */
export function gridScale(tileWidth: number, columns: number): number {
  const tile = Math.min(preferredTile, maxGridWidth / columns);
  return Math.max(1, Math.floor(tile / tileWidth));
}
