import { z } from 'zod';
import { failureCode } from './choices.ts';

/** Why a picture failed. `message` is for people; it contains no path of the machine. */
export const failure = z.strictObject({ code: failureCode, message: z.string() });

export type Failure = z.infer<typeof failure>;
