import { UsageError } from '../ports/error.ts';

/** `s3://bucket/path`; undefined for anything else. */
export function s3Place(text: string): { bucket: string; path: string } | undefined {
  const [, bucket, path = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(text) ?? [];
  if (bucket === undefined && text.startsWith('s3:')) {
    throw new UsageError(`${text}: expected s3://bucket/prefix`);
  }
  return bucket === undefined ? undefined : { bucket, path };
}

/** What the keys of an address begin with: those of a folder, or all. */
export function s3Prefix(path: string): string {
  const folder = path.replace(/\/+$/, '');
  return folder === '' ? '' : `${folder}/`;
}
