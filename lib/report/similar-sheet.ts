import { type DecodingSettings, openDecoder } from '../decode/decoder-pool.ts';
import { pictureGrid, type RgbPicture } from '../image-gpt/picture-grid.ts';
import type { Recipe } from '../image-gpt/recipe.ts';
import { PictureError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Side of a tile (pixels): large enough to recognise the picture. */
const tileSide = 128;

/** Whole pictures squeezed to squares as the model sees them, with the bicubic filter (3). */
const tileRecipe: Recipe = { width: tileSide, height: tileSide, resample: 3, crop: 'none' };

interface SheetOptions {
  /** The file of the query picture. */
  query: Uint8Array;
  /** The store of the similar pictures. */
  store: ObjectStore;
  keys: readonly string[];
  decoding: DecodingSettings;
}

/**
 * Draws the query and the pictures similar to it in a grid, best first. A picture that is gone or cannot be read any
 * more becomes a white tile, and its key is in `missing`.
 */
export async function similarSheet({
  query,
  store,
  keys,
  decoding,
}: SheetOptions): Promise<RgbPicture & { missing: string[] }> {
  await using decoder = openDecoder(tileRecipe, decoding);
  const tile = (rgb: Uint8Array): RgbPicture => ({ rgb, width: tileSide, height: tileSide });
  const missing: string[] = [];
  const tiles = [tile((await decoder.decode(query)).rgb)];
  for (const key of keys) {
    const rgb = await pixels(key);
    if (rgb === undefined) missing.push(key);
    tiles.push(tile(rgb ?? new Uint8Array(tileSide * tileSide * 3).fill(255)));
  }
  const columns = Math.ceil(Math.sqrt(tiles.length));
  const rows = Array.from({ length: Math.ceil(tiles.length / columns) }, (_, row) =>
    tiles.slice(row * columns, (row + 1) * columns),
  );
  return { ...pictureGrid(rows, 1), missing };

  async function pixels(key: string): Promise<Uint8Array | undefined> {
    const read = await store.get(key, { maxBytes: decoding.maxBytes });
    if (read.status !== 'found') return undefined;
    try {
      return (await decoder.decode(read.body)).rgb;
    } catch (error) {
      if (error instanceof PictureError) return undefined;
      throw error;
    }
  }
}
