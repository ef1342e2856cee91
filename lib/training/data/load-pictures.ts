import { createHash } from 'node:crypto';
import pMap from 'p-map';
import { photographFormats } from '../../decode/picture-format.ts';
import { PictureError } from '../../ports/error.ts';
import type { ObjectStore, StoredObject } from '../../ports/object-store.ts';
import type { PictureDecoder } from '../../ports/picture-decoder.ts';
import { DataSetError } from '../error.ts';
import { isClutter } from './clutter.ts';
import type { DataSet } from './data-set.ts';

/** Pictures of a store, in the order of its listing. */
export interface PictureListing {
  /** Name in messages. */
  name: string;
  objects: readonly StoredObject[];
  /** Folders without any file, which S3 marks by a key that ends with a slash. */
  emptyFolders: readonly string[];
  /** The prefix of all keys. */
  prefix: string;
  /** Hash of every key and ETag. It changes when a picture is added, changed or removed. */
  identity: string;
}

/**
 * Lists the pictures under `prefix`. Leaves out dotfiles and what systems leave behind.
 *
 * @throws DataSetError `data_set_empty`
 */
export async function listPictures(store: ObjectStore, prefix: string, name: string): Promise<PictureListing> {
  const objects: StoredObject[] = [];
  const emptyFolders = new Set<string>();
  const identity = createHash('sha256');
  for await (const object of store.list({ prefix })) {
    const path = object.key.slice(prefix.length);
    for (let at = path.indexOf('/'); at >= 0 && at < path.length - 1; at = path.indexOf('/', at + 1)) {
      emptyFolders.delete(path.slice(0, at));
    }
    if (path === '' || isClutter(path)) continue;
    if (path.endsWith('/')) {
      emptyFolders.add(path.slice(0, -1));
      continue;
    }
    objects.push(object);
    identity.update(JSON.stringify([path, object.etag, object.size]));
  }
  if (objects.length === 0) {
    throw new DataSetError('data_set_empty', `expected pictures in ${name}, found no files; add pictures to it`);
  }
  return { name, objects, emptyFolders: [...emptyFolders], prefix, identity: identity.digest('hex') };
}

export interface LoadOptions extends PictureReading {
  /** Turns a picture's pixels [n, 3] into tokens [n]. */
  quantize: (rgb: Uint8Array) => Uint16Array;
  /** n */
  tokensPerPicture: number;
  /** Pictures that are read and decoded at the same time. */
  concurrency: number;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Reads and decodes the pictures of a listing, in its order, without labels. A picture that cannot be decoded is counted and left out.
 *
 * @throws DataSetError `data_set_empty` when no picture could be read; what the store throws
 */
export async function loadPictures(listing: PictureListing, options: LoadOptions): Promise<DataSet> {
  const { name, objects, prefix } = listing;
  const { tokensPerPicture: n, quantize, concurrency, onProgress } = options;
  const tokens = new Uint16Array(objects.length * n);
  let done = 0;
  const failures = await pMap(
    objects,
    async (object, i) => {
      const rgb = await readPicture(object, options);
      if (typeof rgb !== 'string') tokens.set(quantize(rgb), i * n);
      done += 1;
      onProgress?.(done, objects.length);
      return typeof rgb === 'string' ? rgb : undefined;
    },
    { concurrency },
  );

  const skipped: Record<string, number> = {};
  const keys: string[] = [];
  objects.forEach(({ key }, i) => {
    const failure = failures[i];
    if (failure !== undefined) {
      skipped[failure] = (skipped[failure] ?? 0) + 1;
      return;
    }
    // Move the tokens up over those of failed pictures.
    tokens.copyWithin(keys.length * n, i * n, (i + 1) * n);
    keys.push(key.slice(prefix.length));
  });
  if (keys.length === 0) {
    const codes = Object.entries(skipped).map(([code, count]) => `${code} ${count}`);
    throw new DataSetError(
      'data_set_empty',
      `none of the ${objects.length} files of ${name} could be read as a picture (${codes.join(', ')}); expected ${photographFormats()}`,
    );
  }
  return {
    name,
    size: keys.length,
    tokensPerPicture: n,
    tokens: tokens.subarray(0, keys.length * n),
    classes: [],
    skipped,
    keys,
  };
}

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
