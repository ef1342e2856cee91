import { UsageError } from '../ports/error.ts';

/** What an `s3://bucket/path` names. */
export interface S3Location {
  bucket: string;
  /** Key or prefix as written, without the slash before it; empty for the whole bucket. */
  path: string;
}

/** True for every text that begins with `s3://`, whether or not a bucket follows. */
export function isS3Location(text: string): boolean {
  return text.startsWith('s3://');
}

/**
 * Parses `s3://bucket` or `s3://bucket/path`. Undefined for a text without `s3:`, which is a local path.
 *
 * @throws {UsageError} when the text begins with `s3:` but names no bucket
 */
export function parseS3Location(text: string): S3Location | undefined {
  if (!text.startsWith('s3:')) return undefined;
  // A key may hold line breaks.
  const [, bucket, path = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(text) ?? [];
  if (bucket === undefined) throw new UsageError(`expected s3://bucket/prefix, received ${text}`);
  return { bucket, path };
}

/** `s3://bucket/path`, or `s3://bucket` for an empty path. */
export function formatS3Location({ bucket, path }: S3Location): string {
  return path === '' ? `s3://${bucket}` : `s3://${bucket}/${path}`;
}

/** Prefix of all keys in a folder: `a/b` and `a/b//` become `a/b/`. Empty for the whole bucket. */
export function folderPrefix(path: string): string {
  const folder = path.replace(/\/+$/, '');
  return folder === '' ? '' : `${folder}/`;
}
