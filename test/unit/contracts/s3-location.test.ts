import { describe, expect, test } from 'vitest';
import { folderPrefix, formatS3Location, isS3Location, parseS3Location } from '../../../lib/contracts/s3-location.ts';
import { UsageError } from '../../../lib/ports/error.ts';

describe('parseS3Location', () => {
  test.each([
    ['s3://b', 'b', '', ''],
    ['s3://b/', 'b', '', ''],
    ['s3://b//', 'b', '/', ''],
    ['s3://b/p', 'b', 'p', 'p/'],
    ['s3://b/p/', 'b', 'p/', 'p/'],
    ['s3://b/p//', 'b', 'p//', 'p/'],
    ['s3://b/p/q', 'b', 'p/q', 'p/q/'],
    ['s3://b//p', 'b', '/p', '/p/'],
    ['s3://b/p\nq', 'b', 'p\nq', 'p\nq/'],
    ['s3://B/p', 'B', 'p', 'p/'],
  ])('reads bucket, path and folder of %j', (text, bucket, path, folder) => {
    expect(parseS3Location(text)).toEqual({ bucket, path });
    expect(folderPrefix(path)).toBe(folder);
  });

  test.each(['', 's3', 'pictures', 'pictures/', '/a/b', './s3://b/p', 'S3://b/p', 'a\nb'])(
    'leaves the path %j to the file system',
    (text) => {
      expect(parseS3Location(text)).toBeUndefined();
    },
  );

  test.each(['s3:', 's3:b', 's3:/b', 's3://', 's3:///p'])('refuses %j, which names no bucket', (text) => {
    expect(() => parseS3Location(text)).toThrow(new UsageError(`expected s3://bucket/prefix, received ${text}`));
  });
});

test('a location is written as it is parsed', () => {
  for (const text of ['s3://b', 's3://b/p', 's3://b/p/q', 's3://b/p/']) {
    expect(formatS3Location(parseS3Location(text) ?? { bucket: '', path: '' })).toBe(text);
  }
});

test('an S3 location begins with s3://, even if no bucket follows', () => {
  expect(['s3://', 's3://b', 's3:b', 'S3://b', 'b'].map(isS3Location)).toEqual([true, true, false, false, false]);
});
