import { z } from 'zod';
import { failureCodes } from '../ports/error.ts';
import { classInputs, featureNorms, outputNames, precisions, providers } from '../ports/model.ts';

// Types of fields that several contracts share. The lists of values are in lib/ports, so that code without zod can use
// them.

export const failureCode = z.enum(failureCodes);

/** Why a picture failed. `message` is for people; it contains no path of the machine. */
export const failure = z.strictObject({ code: failureCode, message: z.string() });

export type Failure = z.infer<typeof failure>;

/** An item of a list of outputs. */
export const outputName = z.enum(outputNames, `expected some of ${outputNames.join(', ')}, separated by commas`);
export const featureNorm = choice(featureNorms);
export const classInput = choice(classInputs);
export const precision = choice(precisions);
export const provider = choice(providers);

/** One of `values`. The error names them: `expected f32, int8 or f16`. */
export function choice<const T extends string>(values: readonly [T, ...T[]]) {
  return z.enum(values, `expected ${either(values)}`);
}

/** `a, b or c` */
export function either(values: readonly string[]): string {
  return values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

/**
 * Name of a general purpose bucket. Directory buckets (`…--x-s3`) list out of order. An alias of an access point could
 * name a bucket a second time, so that input and output look different; S3 also sends no notifications to one. The
 * suffixes are reserved. Source: Amazon S3 User Guide, "General purpose bucket naming rules".
 */
export const bucketName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'expected the name of an S3 bucket')
  .refine(
    (name) => !name.endsWith('--x-s3'),
    'expected a general purpose bucket, received a directory bucket (they list out of order)',
  )
  .refine(
    (name) => !/(-s3alias|--ol-s3|\.mrap|--table-s3)$/.test(name),
    'expected the name of the bucket itself, received that of an access point',
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
