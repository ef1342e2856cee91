import { z } from 'zod';
import { gpuInstanceNames } from './instances.ts';

/** A metric of CloudWatch. Its values of a day, added up, count something that AWS bills. */
const measure = z.strictObject({
  namespace: z.string().min(1),
  name: z.string().min(1),
  stat: z.enum(['Sum', 'SampleCount']),
  dimensions: z.record(z.string(), z.string()),
});

export type Measure = z.output<typeof measure>;

/** Several measures count the same, and the largest is right: one of them can be missing. */
const counted = { measures: z.array(measure).min(1) };

/**
 * Something that a stack pays for. The constructs name what they use, the function of the daily limit counts it
 * (functions/limit), and lib/operate/daily-spend.ts has the price of each unit.
 */
export const meter = z.discriminatedUnion('unit', [
  /** A minute of an instance of one of these types. */
  z.strictObject({
    unit: z.literal('gpu-minute'),
    instanceTypes: z.array(z.enum(gpuInstanceNames)).min(1),
    ...counted,
  }),
  /** A minute of a worker's task on Fargate. */
  z.strictObject({ unit: z.literal('fargate-minute'), ...counted }),
  /** A millisecond of a function with this memory (MB). */
  z.strictObject({
    unit: z.literal('function-ms'),
    megabytes: z.number().positive(),
    architecture: z.enum(['arm64', 'x86_64']),
    ...counted,
  }),
  /** A picture that preprocess receives: all requests on its way. */
  z.strictObject({ unit: z.literal('picture'), ...counted }),
]);

export type Meter = z.output<typeof meter>;
