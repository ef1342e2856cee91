import { type DecodeOptions, maxPictureBytes, openPictureDecoder } from '../cli/options/decode-option.ts';
import { writeThumbnail } from '../decode/encode.ts';
import { littleEndianBytes } from '../image-gpt/npy.ts';
import { createQuantizer } from '../image-gpt/quantizer.ts';
import type { Recipe } from '../image-gpt/recipe.ts';
import { PictureError, TransientError } from '../ports/error.ts';
import type { Model } from '../ports/model.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { PictureDecoder } from '../ports/picture-decoder.ts';
import type { ViewPicture } from './outcome-rows.ts';
import { viewKey } from './read-report.ts';
import type { PictureViews } from './report-row.ts';

/** Side of a thumbnail, pixels: sharp on a card of the page, and about 2 KB. */
const SIDE = 128;

/** How thumbnails are decoded, in the same guarded children: squeezed to a square, by Pillow's bilinear filter (2). */
const THUMBNAIL: Recipe = { width: SIDE, height: SIDE, resample: 2, crop: 'none' };

export interface PictureViewsOptions {
  input: ObjectStore;
  model: Model;
  decode: DecodeOptions;
  /** By the model's recipe; stays open. */
  decoder: PictureDecoder;
  surpriseOf: (tokens: Uint16Array) => Promise<Uint8Array | null>;
  /** What earlier reports have, by `lookKey`. */
  earlier: ReadonlyMap<string, PictureViews>;
}

/**
 * What there is to look at of a picture, decoded again: an outcome has no pixels. Null when the picture went away or
 * cannot be read any more. Dispose it when it is done.
 */
export function openPictureViews(options: PictureViewsOptions): AsyncDisposable & { lookAt: ViewPicture } {
  const { input, model, decode, decoder, surpriseOf, earlier } = options;
  let thumbnails: (PictureDecoder & AsyncDisposable) | undefined;
  const quantize = createQuantizer(model.preprocessing.palette);
  const maxBytes = maxPictureBytes(decode);

  return {
    async lookAt({ key, etag }) {
      const there = etag === null ? undefined : earlier.get(viewKey(key, etag));
      if (there !== undefined) return there;
      try {
        const read = await input.get(key, { ...(etag === null ? {} : { ifMatch: etag }), maxBytes });
        return read.status === 'found' ? await lookOf(read.body) : null;
      } catch (error) {
        if (error instanceof PictureError || error instanceof TransientError) return null;
        throw error;
      }
    },
    [Symbol.asyncDispose]: async () => thumbnails?.[Symbol.asyncDispose](),
  };

  async function lookOf(bytes: Uint8Array): Promise<PictureViews> {
    // At a fraction of their size where that is possible: nobody computes with them. Its children start when needed.
    thumbnails ??= openPictureDecoder(THUMBNAIL, { ...decode, scaledDecoding: true });
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
