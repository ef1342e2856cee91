import type { BigIntStats } from 'node:fs';
import type { StoredObject } from '../ports/object-store.ts';

/**
 * ETag of a file: size, time of modification in nanoseconds and inode. It costs a stat, where a hash of the content
 * would cost reading the whole directory for every listing; and it tells every new version: a file that is written
 * to has another time, one that is put in its place has another inode, even with size and time preserved.
 */
export function fileEtag({ size, mtimeNs, ino }: BigIntStats): string {
  return `"${size.toString(36)}-${mtimeNs.toString(36)}-${ino.toString(36)}"`;
}

/**
 * A file as a store shows it. Its last change is the later of mtime and ctime: `mv` and `cp -p` put files in place
 * that are older than what they replace, but the system sets ctime itself.
 */
export function storedObject(key: string, stats: BigIntStats): StoredObject {
  const { size, mtimeMs, ctimeMs } = stats;
  const lastModified = new Date(Math.max(Number(mtimeMs), Number(ctimeMs)));
  return { key, etag: fileEtag(stats), size: Number(size), lastModified };
}
