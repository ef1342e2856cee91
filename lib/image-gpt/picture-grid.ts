import { ImageGptError } from '../ports/error.ts';
import type { Preprocessing } from '../ports/model.ts';
import { tokensToRgb } from './token-colors.ts';

/** The pictures cannot form a grid. */
export class PictureGridError extends ImageGptError {}

/** RGB [height, width, 3]. */
export interface RgbPicture {
  rgb: Uint8Array;
  width: number;
  height: number;
}

/** Grey of the pixels that a completion has to fill, as in the paper's figure. */
const unknownGrey = 128;
/** White gap around each tile (pixels). */
const gap = 2;

/** The part that a completion starts from: the first `kept` pixels in raster order; the rest is grey. */
export function keptPart({ rgb, width, height }: RgbPicture, kept: number): RgbPicture {
  const part = new Uint8Array(rgb.length).fill(unknownGrey);
  part.set(rgb.subarray(0, kept * 3));
  return { rgb: part, width, height };
}

/**
 * Draws tiles of equal size in rows, with white gaps. Each pixel becomes a square of `scale` pixels. A row of the paper's
 * completion figure holds the original, {@link keptPart} and the samples. White fills the end of short rows.
 *
 * @throws {PictureGridError} when there is no tile, or the sizes differ
 */
export function pictureGrid(rows: readonly (readonly RgbPicture[])[], scale: number): RgbPicture {
  const first = rows[0]?.[0];
  if (!first) throw new PictureGridError('empty_grid', 'Expected at least one picture for a grid, received none.');
  const columns = Math.max(...rows.map((row) => row.length));
  const tileWidth = first.width * scale;
  const tileHeight = first.height * scale;
  const width = gap + columns * (tileWidth + gap);
  const height = gap + rows.length * (tileHeight + gap);
  const rgb = new Uint8Array(width * height * 3).fill(255);
  for (const [y, row] of rows.entries()) {
    for (const [x, tile] of row.entries()) {
      if (tile.width !== first.width || tile.height !== first.height) {
        throw new PictureGridError(
          'mixed_sizes',
          `Expected tiles of ${first.width}x${first.height}, received one of ${tile.width}x${tile.height}.`,
        );
      }
      drawTile(rgb, width, gap + x * (tileWidth + gap), gap + y * (tileHeight + gap), tile, scale);
    }
  }
  return { rgb, width, height };
}

function drawTile(grid: Uint8Array, gridWidth: number, left: number, top: number, tile: RgbPicture, scale: number) {
  for (let y = 0; y < tile.height * scale; y += 1) {
    const line = Math.floor(y / scale) * tile.width;
    let o = ((top + y) * gridWidth + left) * 3;
    for (let x = 0; x < tile.width * scale; x += 1, o += 3) {
      const p = (line + Math.floor(x / scale)) * 3;
      grid.set(tile.rgb.subarray(p, p + 3), o);
    }
  }
}

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
