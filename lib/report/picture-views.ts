import { type Decoder, type DecodingSettings, openDecoder } from '../decode/decoder-pool.ts';
import { writeThumbnail } from '../decode/encode.ts';
import { littleEndianBytes } from '../image-gpt/npy.ts';
import { createQuantizer } from '../image-gpt/quantizer.ts';
import type { Recipe } from '../image-gpt/recipe.ts';
import { PictureError, TransientError } from '../ports/error.ts';
import type { Model } from '../ports/model.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { PictureDecoder } from '../ports/picture-decoder.ts';
import type { ViewsOf } from './outcome-rows.ts';
import { viewKey } from './read-report.ts';
import type { PictureViews } from './report-row.ts';

/** Side of a thumbnail (pixels): sharp on a card of the page, and about 2 KB. */
const side = 128;

/** How thumbnails are decoded: the whole picture squeezed to a square, with Pillow's bilinear filter (2). */
const thumbnailRecipe: Recipe = { width: side, height: side, resample: 2, crop: 'none' };

export interface PictureViewsOptions {
  input: ObjectStore;
  model: Model;
  decoding: DecodingSettings;
  /** Decodes by the model's recipe; stays open. */
  decoder: PictureDecoder;
  surpriseOf: (tokens: Uint16Array) => Promise<Uint8Array | null>;
  /** Views of earlier reports, by {@link viewKey}. */
  earlier: ReadonlyMap<string, PictureViews>;
}

/**
 * Makes the views of pictures. It decodes each picture again, because an outcome holds no pixels. The views are null
 * when the picture is gone or cannot be read any more.
 */
export function openPictureViews(options: PictureViewsOptions): AsyncDisposable & { viewsOf: ViewsOf } {
  const { input, model, decoding, decoder, surpriseOf, earlier } = options;
  const { maxBytes } = decoding;
  let thumbnails: Decoder | undefined;
  const quantize = createQuantizer(model.preprocessing.palette);

  return {
    async viewsOf({ key, etag }) {
      const existing = etag === null ? undefined : earlier.get(viewKey(key, etag));
      if (existing !== undefined) return existing;
      try {
        const read = await input.get(key, etag === null ? { maxBytes } : { maxBytes, ifMatch: etag });
        return read.status === 'found' ? await makeViews(read.body) : null;
      } catch (error) {
        if (error instanceof PictureError || error instanceof TransientError) return null;
        throw error;
      }
    },
    [Symbol.asyncDispose]: async () => thumbnails?.close(),
  };

  async function makeViews(bytes: Uint8Array): Promise<PictureViews> {
    // Opened when needed. Scaled decoding is exact enough: nothing is computed from a thumbnail.
    thumbnails ??= openDecoder(thumbnailRecipe, { ...decoding, scaledDecoding: true });
    const [{ rgb: small }, { rgb }] = await Promise.all([thumbnails.decode(bytes), decoder.decode(bytes)]);
    const tokens = quantize(rgb);
    const surprise = await surpriseOf(tokens);
    return {
      thumbnail: base64(await writeThumbnail(small, side, side)),
      tokens: base64(littleEndianBytes(tokens)),
      surprise: surprise === null ? null : base64(surprise),
    };
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
