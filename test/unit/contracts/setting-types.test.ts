import { expect, test } from 'vitest';
import { bucketName, directoryOrS3Prefix, s3Prefix, splitList } from '../../../lib/contracts/setting-types.ts';

test.each(['s3://b/p', 's3://my.bucket-1/p/q', 's3://b//p'])('%s is a prefix, and a place of a model', (text) => {
  expect(s3Prefix.safeParse(text).success).toBe(true);
  expect(directoryOrS3Prefix.safeParse(text).success).toBe(true);
});

test.each(['s3://b', 's3://b/', 's3://b/p/', 's3://Bucket/p', 's3://', 's3:b/p', ''])('%j is neither', (text) => {
  expect(s3Prefix.safeParse(text).success).toBe(false);
  expect(directoryOrS3Prefix.safeParse(text).success).toBe(false);
});

test.each(['pictures', '/a/b/', './s3://b/p'])('%s is a directory, no prefix', (text) => {
  expect(s3Prefix.safeParse(text).success).toBe(false);
  expect(directoryOrS3Prefix.safeParse(text).success).toBe(true);
});

test.each([
  ['a-bucket.1', true],
  ['ab', false],
  ['Bucket', false],
  ['-bucket', false],
  ['bucket--x-s3', false],
])('the bucket name %s is valid: %s', (name, valid) => {
  expect(bucketName.safeParse(name).success).toBe(valid);
});

test('the parts of a list lose the spaces around them', () => {
  expect(splitList('features, likelihood ,classification')).toEqual(['features', 'likelihood', 'classification']);
});
