import { expect, test } from 'vitest';
import {
  bucketName,
  choice,
  directoryOrS3Prefix,
  outputName,
  precision,
  s3Prefix,
  splitList,
} from '../../../lib/contracts/field-types.ts';

test('the error of a choice names its values', () => {
  expect(choice(['gpu', 'cpu']).safeParse('tpu').error?.issues[0]?.message).toBe('expected gpu or cpu');
  expect(precision.safeParse('f64').error?.issues[0]?.message).toBe('expected f32, int8, int8-block or f16');
  expect(choice(['one']).safeParse('two').error?.issues[0]?.message).toBe('expected one');
});

test('an output is one of a list', () => {
  expect(outputName.safeParse('logits').error?.issues[0]?.message).toBe(
    'expected some of classification, features, likelihood, separated by commas',
  );
});

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
