import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { ManifestPicture } from '../contracts/job.ts';
import { mayBePicture } from '../contracts/keys.ts';
import { folderPrefix, parseS3Location } from '../contracts/s3-location.ts';
import { kindOf, readRegularFile } from '../files/regular-file.ts';
import { type InputDirectoryOptions, openInputDirectory } from '../local/input-directory.ts';
import { statPath } from '../local/stat-path.ts';
import { UsageError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { readKeyList } from './key-list.ts';
import { openBucket } from './open-place.ts';
import { readColumns } from './parquet/read-columns.ts';
import { openInventory } from './s3-inventory.ts';

/** Where the pictures of a job come from. */
export interface JobSource {
  store: ObjectStore;
  /** Address of the store, for {@link openStore}: a real path, or `s3://bucket`. */
  place: string;
  /** The source that the user named, as a real path or an address in S3. */
  name: string;
  pictures(): AsyncIterable<ManifestPicture>;
}

/** File name of an S3 Inventory's manifest, given by AWS. */
export const inventoryName = 'manifest.json';

/**
 * Opens a directory, `s3://bucket/prefix`, the manifest.json of an S3 Inventory, or a file with one key a line.
 *
 * @throws UsageError when `source` is none of these
 */
export async function openJobSource(source: string, options: InputDirectoryOptions = {}): Promise<JobSource> {
  const s3 = parseS3Location(source);
  if (s3 !== undefined) {
    const store = await openBucket(s3.bucket);
    if (basename(s3.path) !== inventoryName) return listing(store, `s3://${s3.bucket}`, folderPrefix(s3.path));
    const read = await store.get(s3.path);
    if (read.status !== 'found') throw new UsageError(`${source}: expected an S3 Inventory, but it does not exist`);
    return inventory(source, read.body);
  }
  const found = statPath(source, source);
  if (found?.isDirectory() === true) {
    const directory = await realpath(source);
    return listing(await openInputDirectory(directory, options), directory, '');
  }
  if (found?.isFile() !== true) {
    throw new UsageError(
      `${source}: expected a directory, s3://bucket/prefix, an S3 Inventory's ${inventoryName} or a file of keys, but ${found === undefined ? 'it does not exist' : `it is ${kindOf(found)}`}`,
    );
  }
  if (basename(source) === inventoryName) return inventory(await realpath(source), await readRegularFile(source));
  return keyList(await realpath(source), options);
}

/** Opens the store of a job's pictures again, from the `place` of its source. */
export async function openStore(place: string, options: InputDirectoryOptions = {}): Promise<ObjectStore> {
  const s3 = parseS3Location(place);
  return s3 === undefined ? openInputDirectory(place, options) : openBucket(s3.bucket);
}

function listing(store: ObjectStore, place: string, prefix: string): JobSource {
  return {
    store,
    place,
    name: prefix === '' ? place : `${place}/${prefix}`,
    async *pictures() {
      for await (const object of store.list({ prefix })) {
        if (mayBePicture(object)) yield { key: object.key, etag: object.etag };
      }
    },
  };
}

async function inventory(name: string, manifest: Uint8Array): Promise<JobSource> {
  const { bucket, pictures } = await openInventory(manifest, { name, openBucket, readParquet: readColumns });
  return { store: await openBucket(bucket), place: `s3://${bucket}`, name, pictures };
}

async function keyList(file: string, options: InputDirectoryOptions): Promise<JobSource> {
  let bucket: string | undefined;
  // Read the whole list first, so that a wrong line fails before anything is written.
  for await (const listed of readKeyList(file)) bucket = listed.bucket;
  const place = bucket === undefined ? dirname(file) : `s3://${bucket}`;
  return {
    store: await openStore(place, options),
    place,
    name: file,
    async *pictures() {
      for await (const { key } of readKeyList(file)) yield { key, etag: null };
    },
  };
}
