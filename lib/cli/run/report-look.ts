import { writeThumbnail } from '../../image/thumbnail.ts';
import type { Quantizer } from '../../image-gpt/nearest-color.ts';
import { littleEndianBytes } from '../../image-gpt/npy.ts';
import type { Recipe } from '../../image-gpt/recipe.ts';
import {
  type ObjectStore,
  type PictureDecoder,
  PictureError,
  type StoredObject,
  TransientError,
} from '../../pipeline/ports.ts';
import { lookKey } from '../../report/read-report.ts';
import type { ReportLook } from '../../report/report-row.ts';

/** Side of a thumbnail, pixels: sharp on a card of the page, and about 2 KB. */
const SIDE = 128;

/** How thumbnails are decoded, in the same guarded children: squeezed to a square, by Pillow's bilinear filter (2). */
export const thumbnailRecipe: Recipe = { width: SIDE, height: SIDE, resample: 2, crop: 'none' };

export interface LookOptions {
  input: ObjectStore;
  /** By the model's recipe. */
  decoder: PictureDecoder;
  /** By {@link thumbnailRecipe}. */
  thumbnails: PictureDecoder;
  quantize: Quantizer;
  surpriseOf: (tokens: Uint16Array) => Promise<Uint8Array | null>;
  maxPictureBytes: number;
  /** What earlier reports have, by `lookKey`. */
  earlier: ReadonlyMap<string, ReportLook>;
}

/**
 * What there is to look at of a picture, decoded again: an outcome has no pixels. Null when the picture went away or
 * cannot be read any more.
 */
export function createLookMaker(options: LookOptions) {
  const { input, decoder, thumbnails, quantize, surpriseOf, maxPictureBytes, earlier } = options;
  return async ({ key, etag }: StoredObject): Promise<ReportLook | null> => {
    const there = earlier.get(lookKey(key, etag));
    if (there !== undefined) return there;
    try {
      const read = await input.get(key, { ifMatch: etag, maxBytes: maxPictureBytes });
      return read.status === 'found' ? await lookOf(read.body) : null;
    } catch (error) {
      if (error instanceof PictureError || error instanceof TransientError) return null;
      throw error;
    }
  };

  async function lookOf(bytes: Uint8Array): Promise<ReportLook> {
    const [{ rgb: small }, { rgb }] = await Promise.all([thumbnails.decode(bytes), decoder.decode(bytes)]);
    const tokens = quantize(rgb);
    const surprise = await surpriseOf(tokens);
    return {
      thumbnail: base64(await writeThumbnail(small, SIDE, SIDE)),
      tokens: base64(littleEndianBytes(tokens)),
      surprise: surprise === null ? null : base64(surprise),
    };
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
