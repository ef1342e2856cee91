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
 * The paper's completion figure, a row for each picture: original, what is kept, samples.
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

/** A tile that is easy to look at, pixels. */
const COMFORTABLE_TILE = 128;

/** Widest grid: viewers and memory take this easily, pixels. */
const WIDEST_GRID = 8192;

/** How much the pixels of a tile are enlarged in a grid of so many columns. */
export function gridScale(tileWidth: number, columns: number): number {
  const tile = Math.min(COMFORTABLE_TILE, WIDEST_GRID / columns);
  return Math.max(1, Math.floor(tile / tileWidth));
}
