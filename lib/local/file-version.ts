import type { BigIntStats } from 'node:fs';
import type { StoredObject } from '../ports/object-store.ts';

/**
 * ETag of a file: size, modification time (nanoseconds) and inode. It needs only a stat; a hash of the content would read
 * the whole directory for every listing. Every new version has another ETag: writing changes the time, and replacing the
 * file changes the inode, even if size and time are preserved.
 */
export function fileEtag({ size, mtimeNs, ino }: BigIntStats): string {
  return `"${size.toString(36)}-${mtimeNs.toString(36)}-${ino.toString(36)}"`;
}

/**
 * A file as a stored object. Its last modification is the later of mtime and ctime: `mv` and `cp -p` keep an old mtime, but
 * the system always sets ctime.
 */
export function storedObject(key: string, stats: BigIntStats): StoredObject {
  const { size, mtimeMs, ctimeMs } = stats;
  const lastModified = new Date(Math.max(Number(mtimeMs), Number(ctimeMs)));
  return { key, etag: fileEtag(stats), size: Number(size), lastModified };
}
