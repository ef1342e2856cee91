import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { createSkippedFiles } from '../cli/terminal/trouble.ts';
import type { ManifestPicture } from '../contracts/job.ts';
import { folderPrefix, parseS3Location } from '../contracts/s3-location.ts';
import { openInputDirectory } from '../local/input-directory.ts';
import { statPath } from '../local/stat-path.ts';
import { UsageError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { readKeyList } from './key-list.ts';
import { openBucket } from './open-place.ts';
import { readColumns } from './parquet/read-columns.ts';

/** Where the pictures of a batch job come from. */
export interface JobSource {
  store: ObjectStore;
  /** What opens the store again: a real path, or `s3://bucket`. */
  place: string;
  /** What was asked for, the same however it is written: a real path, or an address in S3. */
  name: string;
  pictures(): AsyncIterable<ManifestPicture>;
  /** Files that were passed over, in words. */
  report(): string;
}

/** Name that AWS gives to an inventory's list of files. */
export const INVENTORY = 'manifest.json';

/** Opens a directory, `s3://bucket/prefix`, the manifest.json of an S3 Inventory, or a file with a key a line. */
export async function openJobSource(source: string): Promise<JobSource> {
  const s3 = parseS3Location(source);
  if (s3 !== undefined) {
    const store = await openBucket(s3.bucket);
    if (basename(s3.path) !== INVENTORY) return listing(store, `s3://${s3.bucket}`, folderPrefix(s3.path));
    const read = await store.get(s3.path);
    if (read.status !== 'found') throw new UsageError(`${source}: there is no such inventory`);
    return inventory(source, read.body);
  }
  const there = statPath(source, source);
  if (there?.isDirectory() === true) return openStore(await realpath(source));
  if (there?.isFile() !== true) {
    throw new UsageError(
      `${source}: expected a directory, s3://bucket/prefix, an S3 Inventory's ${INVENTORY} or a file of keys, but there is nothing of that name`,
    );
  }
  if (basename(source) === INVENTORY) return inventory(await realpath(source), await readFile(source));
  return keyList(await realpath(source));
}

/** Opens the place of a job's keys again. */
export async function openStore(place: string): Promise<JobSource> {
  const s3 = parseS3Location(place);
  if (s3 !== undefined) return listing(await openBucket(s3.bucket), place, s3.path);
  const skipped = createSkippedFiles();
  const store = await openInputDirectory(place, { onSkipped: skipped.add });
  return { ...listing(store, place, ''), report: skipped.report };
}

function listing(store: ObjectStore, place: string, prefix: string): JobSource {
  return {
    ...{ store, place, name: prefix === '' ? place : `${place}/${prefix}`, report: () => '' },
    async *pictures() {
      for await (const { key, etag, size } of store.list({ prefix })) {
        // S3's consoles make such objects to show a folder.
        if (!(size === 0 && key.endsWith('/'))) yield { key, etag };
      }
    },
  };
}

async function inventory(name: string, manifest: Uint8Array): Promise<JobSource> {
  const { openInventory } = await import('./s3-inventory.ts');
  const { bucket, pictures } = await openInventory(manifest, { name, openBucket, readParquet: readColumns });
  return { store: await openBucket(bucket), place: `s3://${bucket}`, name, pictures, report: () => '' };
}

async function keyList(file: string): Promise<JobSource> {
  let bucket: string | undefined;
  // Once before anything is written: a wrong line ends it here.
  for await (const listed of readKeyList(file)) bucket = listed.bucket;
  return {
    ...(await openStore(bucket === undefined ? dirname(file) : `s3://${bucket}`)),
    name: file,
    async *pictures() {
      for await (const { key } of readKeyList(file)) yield { key, etag: null };
    },
  };
}
