import { createHash } from 'node:crypto';
import pMap from 'p-map';
import { photographFormats } from '../../decode/picture-format.ts';
import { PictureError } from '../../ports/error.ts';
import type { ObjectStore, StoredObject } from '../../ports/object-store.ts';
import type { PictureDecoder } from '../../ports/picture-decoder.ts';
import { DataSetError } from '../error.ts';
import { type DataSet, type Part, partNames } from './data-set.ts';

/** Pictures of a store, in the order of its listing. */
export interface PictureListing {
  /** Name in messages. */
  name: string;
  objects: readonly StoredObject[];
  /** Folders below the prefix that S3 marks by a key of their own; they may be empty. */
  folders: readonly string[];
  /** The prefix of all keys. */
  prefix: string;
  /** Hash of every key and ETag. It changes when a picture is added, changed or removed. */
  identity: string;
}

/**
 * Lists the pictures under `prefix`.
 *
 * @throws DataSetError `data_set_empty`
 */
export async function listPictures(store: ObjectStore, prefix: string, name: string): Promise<PictureListing> {
  const objects: StoredObject[] = [];
  const folders: string[] = [];
  const identity = createHash('sha256');
  for await (const object of store.list({ prefix })) {
    const path = object.key.slice(prefix.length);
    if (path.endsWith('/') || path === '') {
      folders.push(path.slice(0, -1));
    } else {
      objects.push(object);
    }
    identity.update(JSON.stringify([path, object.etag, object.size]));
  }
  if (objects.length === 0) {
    throw new DataSetError('data_set_empty', `expected pictures in ${name}, found no files; add pictures to it`);
  }
  return { name, objects, folders, prefix, identity: identity.digest('hex') };
}

export interface LoadOptions extends PictureReading {
  /** Turns a picture's pixels [n, 3] into tokens [n]. */
  quantize: (rgb: Uint8Array) => Uint16Array;
  /** n */
  tokensPerPicture: number;
  /** Pictures that are read and decoded at the same time. */
  concurrency: number;
  /** Class folders, which may be empty. */
  folders?: readonly string[] | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Reads and decodes the pictures of a listing, in its order. A picture that cannot be decoded is counted and left out.
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
  const folders = [...listing.folders, ...(options.folders ?? [])];
  return {
    name,
    size: keys.length,
    tokensPerPicture: n,
    tokens: tokens.subarray(0, keys.length * n),
    skipped,
    ...labelledKeys(keys, folders),
  };
}

/** Labels and parts of N pictures, by the names of their folders. */
export interface KeyLabels {
  /** [N] in the order of the keys. Undefined when a picture is in no class folder. */
  labels?: Int32Array | undefined;
  /** Sorted by UTF-16 code units, which is the same order on every machine. */
  classes: string[];
  /** [N], index into {@link partNames}. Undefined when the top folders are not named as parts. */
  parts?: Uint8Array | undefined;
}

/**
 * Labels pictures by their folders: `cat/1.jpg`, or `train/cat/1.jpg` where all top folders are named as parts. Deeper
 * folders belong to the class: `cat/grey/2.jpg` is a cat.
 *
 * @param folders class folders that may be empty, `cat` or `train/cat`
 */
export function labelledKeys(keys: readonly string[], folders: readonly string[] = []): KeyLabels {
  const paths = keys.map((key) => key.split('/'));
  const divided = paths.length > 0 && paths.every(([first = '', ...rest]) => rest.length > 0 && first in partFolders);
  const depth = divided ? 1 : 0;
  const parts = divided ? Uint8Array.from(paths, ([first = '']) => partIndex(first)) : undefined;
  // The last name of a path is that of the picture.
  if (paths.some((path) => path.length < depth + 2)) return { classes: [], parts };
  const names = paths.map((path) => path[depth] ?? '');
  const known = folders.map((folder) => folder.split('/')[depth]).filter((name) => name !== undefined);
  const classes = [...new Set([...names, ...known])].sort();
  const indices = new Map(classes.map((name, i) => [name, i]));
  return { labels: Int32Array.from(names, (name) => indices.get(name) ?? 0), classes, parts };
}

/** Usual names of the folders of a divided data set. */
const partFolders: Readonly<Record<string, Part>> = {
  train: 'train',
  validation: 'validation',
  valid: 'validation',
  val: 'validation',
  test: 'test',
};

function partIndex(folder: string): number {
  return partNames.indexOf(partFolders[folder] ?? 'train');
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
