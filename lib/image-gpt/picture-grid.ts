import { ImageGptError } from '../ports/error.ts';

/** Pictures that do not make a grid. */
export class PictureGridError extends ImageGptError {}

/** RGB [height, width, 3]. */
export interface RgbPicture {
  rgb: Uint8Array;
  width: number;
  height: number;
}

/** Grey of what a completion was not given, as in the paper's completion figure. */
const UNKNOWN = 128;
/** White gap around each tile, pixels. */
const GAP = 2;

/** The first `kept` pixels in raster order, the rest grey: what a completion starts from. */
export function keptPart({ rgb, width, height }: RgbPicture, kept: number): RgbPicture {
  const part = new Uint8Array(rgb.length).fill(UNKNOWN);
  part.set(rgb.subarray(0, kept * 3));
  return { rgb: part, width, height };
}

/**
 * Lays tiles of one size out in rows, each pixel as a square of `scale`, with a white gap around every tile. A row of
 * the paper's completion figure is original, {@link keptPart}, samples. A short row is filled up with white.
 *
 * @throws {PictureGridError} when there is no tile, or their sizes differ
 */
export function pictureGrid(rows: readonly (readonly RgbPicture[])[], scale: number): RgbPicture {
  const first = rows[0]?.[0];
  if (!first) throw new PictureGridError('empty_grid', 'Expected at least one picture for a grid, received none.');
  const columns = Math.max(...rows.map((row) => row.length));
  const tileWidth = first.width * scale;
  const tileHeight = first.height * scale;
  const width = GAP + columns * (tileWidth + GAP);
  const height = GAP + rows.length * (tileHeight + GAP);
  const rgb = new Uint8Array(width * height * 3).fill(255);
  for (const [y, row] of rows.entries()) {
    for (const [x, tile] of row.entries()) {
      if (tile.width !== first.width || tile.height !== first.height) {
        throw new PictureGridError(
          'mixed_sizes',
          `Expected tiles of ${first.width}x${first.height}, received one of ${tile.width}x${tile.height}.`,
        );
      }
      drawTile(rgb, width, GAP + x * (tileWidth + GAP), GAP + y * (tileHeight + GAP), tile, scale);
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
