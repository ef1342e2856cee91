import { z } from 'zod';
import { splitList } from './field-types.ts';

// Types of deployment settings. `cdk deploy -c name=value` gives text, cdk.json gives numbers and flags.

/** A whole number. */
export function whole({ min, max }: { min: number; max: number }) {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,9}$/, expected)
          .transform(Number),
      ],
      expected,
    )
    .refine((value) => Number.isInteger(value) && value >= min && value <= max, expected);
}

export const flag = z.union(
  [z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')],
  'expected true or false',
);

export function list<T>(item: z.ZodType<T, string>, expected: string) {
  return z.union([z.string().transform(splitList), z.array(z.string())], expected).pipe(z.array(item).min(1, expected));
}

/** Maximum concurrency of an event source mapping. Source: AWS Lambda API Reference, "ScalingConfig". */
export const concurrency = whole({ min: 2, max: 1000 });

/** `name:tag`, after a registry if it is not Docker Hub, and before a digest if it has one. */
export const imageName = z.string().regex(/^[a-z0-9][\w.:/@-]*:[\w.-]+$/, 'expected an image with its tag');

/** Not an alias: a policy that names one allows nothing. Source: AWS KMS Developer Guide, "Using aliases in IAM policies". */
export const kmsKey = z
  .string()
  .regex(/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/, 'expected the ARN of a KMS key, not of an alias');

const expectedUsd = 'expected an amount in USD from 0.1 to 100000 with at most two decimals, for instance 5 or 7.50';

/** An amount of money (USD). */
export const usdAmount = z
  .union([z.number(), z.string()], expectedUsd)
  .transform(String)
  .pipe(z.string().regex(/^\d{1,6}(\.\d{1,2})?$/, expectedUsd))
  .transform(Number)
  .refine((usd) => usd >= 0.1 && usd <= 100_000, expectedUsd);
