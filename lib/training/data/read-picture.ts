import { PictureError } from '../../ports/error.ts';
import type { ObjectStore, StoredObject } from '../../ports/object-store.ts';
import type { PictureDecoder } from '../../ports/picture-decoder.ts';

export interface PictureReading {
  store: ObjectStore;
  decoder: PictureDecoder;
  /** A larger file fails without being read (bytes). */
  maxBytes: number;
}

/** Pixels [n, 3] of a listed picture, or a failure code. Throws errors of the store and of the machine. */
export async function readPicture(
  { key, etag }: StoredObject,
  { store, decoder, maxBytes }: PictureReading,
): Promise<Uint8Array | string> {
  try {
    const read = await store.get(key, { ifMatch: etag, maxBytes });
    switch (read.status) {
      case 'found':
        return (await decoder.decode(read.body)).rgb;
      case 'too_large':
        return 'image_too_large';
      case 'not_found':
      case 'etag_mismatch':
        return 'changed_while_read';
    }
  } catch (error) {
    if (error instanceof PictureError) return error.code;
    throw error;
  }
}
