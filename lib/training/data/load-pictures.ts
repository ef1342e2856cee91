import { createHash } from 'node:crypto';
import type { ObjectStore, StoredObject } from '../../ports/object-store.ts';
import { DataSetError } from '../error.ts';
import { type DataSet, PARTS, type Part } from './data-set.ts';
import { type PictureReading, readPicture } from './read-picture.ts';

/** Pictures of a store, as its listing shows them. */
export interface PictureListing {
  /** For words. */
  name: string;
  objects: readonly StoredObject[];
  /** Folders below the prefix that are there though they may be empty: S3's folder markers. */
  folders: readonly string[];
  /** The prefix that all keys share. */
  prefix: string;
  /** Hash of every key and ETag: another one when a picture changes, comes or goes. */
  identity: string;
}

/**
 * Lists what lies under `prefix`.
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
    throw new DataSetError('data_set_empty', `${name} holds no files; expected pictures`);
  }
  return { name, objects, folders, prefix, identity: identity.digest('hex') };
}

export interface LoadOptions extends PictureReading {
  /** Tokens [n] of a picture's pixels [n, 3]. */
  quantize: (rgb: Uint8Array) => Uint16Array;
  /** n */
  tokensPerPicture: number;
  /** Pictures read and decoded at once. */
  concurrency: number;
  /** Class folders that are known though they may be empty. */
  folders?: readonly string[];
  onProgress?: (done: number, total: number) => void;
}

/**
 * Reads and decodes the pictures of a listing, in its order whatever their speed. A picture that cannot be decoded is
 * counted and left out; an error of the world ends everything.
 *
 * @throws DataSetError `data_set_empty` when not one picture could be read; what the store throws
 */
export async function loadPictures(listing: PictureListing, options: LoadOptions): Promise<DataSet> {
  const { name, objects, prefix } = listing;
  const { tokensPerPicture: n, quantize, concurrency, onProgress } = options;
  const tokens = new Uint16Array(objects.length * n);
  const failures = new Array<string | undefined>(objects.length);
  let next = 0;
  let done = 0;
  async function work(): Promise<void> {
    for (let i = next++; i < objects.length; i = next++) {
      const object = objects[i];
      if (object === undefined) return;
      const rgb = await readPicture(object, options);
      if (typeof rgb === 'string') {
        failures[i] = rgb;
      } else {
        tokens.set(quantize(rgb), i * n);
      }
      done += 1;
      onProgress?.(done, objects.length);
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work));

  const skipped: Record<string, number> = {};
  const keys: string[] = [];
  objects.forEach(({ key }, i) => {
    const failure = failures[i];
    if (failure !== undefined) {
      skipped[failure] = (skipped[failure] ?? 0) + 1;
      return;
    }
    // Kept pictures move up over those that failed.
    tokens.copyWithin(keys.length * n, i * n, (i + 1) * n);
    keys.push(key.slice(prefix.length));
  });
  if (keys.length === 0) {
    const codes = Object.entries(skipped).map(([code, count]) => `${code} ${count}`);
    throw new DataSetError(
      'data_set_empty',
      `none of the ${objects.length} files of ${name} could be read as a picture (${codes.join(', ')}); expected JPEG, PNG, WebP, GIF, TIFF or AVIF`,
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

/** What the names of a source's pictures say. */
export interface KeyLabels {
  /** [N] in the order of the keys; absent when a picture lies in no class folder. */
  labels?: Int32Array;
  /** In UTF-16 order, so the same everywhere. */
  classes: string[];
  /** [N], PARTS indices; absent when the folders don't divide. */
  parts?: Uint8Array;
}

/** What people name the folders of a divided data set. */
const PART_FOLDERS: Readonly<Record<string, Part>> = {
  train: 'train',
  validation: 'validation',
  valid: 'validation',
  val: 'validation',
  test: 'test',
};

/**
 * Labels of pictures by their folders: `cat/1.jpg`, or `train/cat/1.jpg` where all of the highest folders are named as
 * parts. Deeper folders belong to the class: `cat/grey/2.jpg` is a cat.
 *
 * @param folders class folders that are known though they may hold no picture, `cat` or `train/cat`
 */
export function labelledKeys(keys: readonly string[], folders: readonly string[] = []): KeyLabels {
  const paths = keys.map((key) => key.split('/'));
  const divided = paths.length > 0 && paths.every(([first = '', ...rest]) => rest.length > 0 && first in PART_FOLDERS);
  const depth = divided ? 1 : 0;
  const parts = divided ? { parts: Uint8Array.from(paths, ([first = '']) => partIndex(first)) } : {};
  // The last name is the picture's own.
  if (paths.some((path) => path.length < depth + 2)) return { classes: [], ...parts };
  const names = paths.map((path) => path[depth] ?? '');
  const known = folders.map((folder) => folder.split('/')[depth]).filter((name) => name !== undefined);
  const classes = [...new Set([...names, ...known])].sort();
  const indices = new Map(classes.map((name, i) => [name, i]));
  return { labels: Int32Array.from(names, (name) => indices.get(name) ?? 0), classes, ...parts };
}

function partIndex(folder: string): number {
  return PARTS.indexOf(PART_FOLDERS[folder] ?? 'train');
}
