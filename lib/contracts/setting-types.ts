import { z } from 'zod';

// Types of text that environment variables and deployment settings share.

/** Name of a general purpose bucket. Directory buckets (`…--x-s3`) list out of order, so they are refused. */
export const bucketName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'expected the name of an S3 bucket')
  .refine(
    (name) => !name.endsWith('--x-s3'),
    'expected a general purpose bucket, received a directory bucket (they list out of order)',
  );

/** `s3://bucket/prefix`, without a slash at the end. */
export const s3Prefix = z.string().regex(/^s3:\/\/[a-z0-9.-]+\/.*[^/]$/, 'expected s3://bucket/prefix');

/** Path of a directory: any text that does not begin with `s3:`. */
const directory = z.string().regex(/^(?!s3:).+$/);

/** A directory, or {@link s3Prefix}. */
export const directoryOrS3Prefix = z.union([s3Prefix, directory], 'expected a directory or s3://bucket/prefix');

/** Parts of a comma-separated list, without the spaces around them. */
export function splitList(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}
