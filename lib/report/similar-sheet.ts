import { type DecodeOptions, maxPictureBytes, openPictureDecoder } from '../cli/options/decode-option.ts';
import { pictureGrid, type RgbPicture } from '../image-gpt/picture-grid.ts';
import type { Recipe } from '../image-gpt/recipe.ts';
import { PictureError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Side of a tile, pixels: large enough to see what it is. */
const TILE = 128;

/** Whole pictures, squashed to squares as the model sees them, bicubic. */
const TILE_RECIPE: Recipe = { width: TILE, height: TILE, resample: 3, crop: 'none' };

interface Sheet {
  /** The picture that was asked about. */
  query: Uint8Array;
  /** Where the others lie. */
  store: ObjectStore;
  keys: readonly string[];
  decoding: DecodeOptions;
}

/**
 * The query and the pictures like it, best first, in rows. A picture that is gone or cannot be read any more is a white
 * tile, and its key is in `missing`.
 */
export async function similarSheet({
  query,
  store,
  keys,
  decoding,
}: Sheet): Promise<RgbPicture & { missing: string[] }> {
  await using decoder = openPictureDecoder(TILE_RECIPE, decoding);
  const tile = (rgb: Uint8Array): RgbPicture => ({ rgb, width: TILE, height: TILE });
  const missing: string[] = [];
  const tiles = [tile((await decoder.decode(query)).rgb)];
  for (const key of keys) {
    const rgb = await pixels(key);
    if (rgb === undefined) missing.push(key);
    tiles.push(tile(rgb ?? new Uint8Array(TILE * TILE * 3).fill(255)));
  }
  const columns = Math.ceil(Math.sqrt(tiles.length));
  const rows = Array.from({ length: Math.ceil(tiles.length / columns) }, (_, row) =>
    tiles.slice(row * columns, (row + 1) * columns),
  );
  return { ...pictureGrid(rows, 1), missing };

  async function pixels(key: string): Promise<Uint8Array | undefined> {
    const read = await store.get(key, { maxBytes: maxPictureBytes(decoding) });
    if (read.status !== 'found') return undefined;
    try {
      return (await decoder.decode(read.body)).rgb;
    } catch (error) {
      if (error instanceof PictureError) return undefined;
      throw error;
    }
  }
}
