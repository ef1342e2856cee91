import { z } from 'zod';
import { failureCode } from '../contracts/choices.ts';

// Apart from the protocol: the child validates nothing, so it does not load zod.

/** First frame from the child: it is ready for pictures. */
export const readyHead = z.strictObject({ ready: z.literal(true) });

/** The child's answer to a picture. On success, `data` is rgb [height, width, 3] at the input resolution. */
export const answerHead = z.union([
  z.strictObject({ format: z.string(), width: z.int().positive(), height: z.int().positive() }),
  z.strictObject({ code: failureCode, message: z.string() }),
]);
