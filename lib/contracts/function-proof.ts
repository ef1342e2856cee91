import { z } from 'zod';

// The proof of the inference function: CDK's trigger and `igpt doctor` ask for it, functions/infer answers.

/** Event that asks whether the function works. CDK's trigger sends an empty event instead. */
export interface ProofRequest {
  prove?: true;
}

export function isProofRequest(event: unknown): event is ProofRequest {
  if (event === null || event === undefined) return true;
  if (typeof event !== 'object') return false;
  return ('prove' in event && event.prove === true) || Object.keys(event).length === 0;
}

/** Answer of a function that works. `model`: its model id. */
export const proofAnswer = z.object({ proved: z.literal(true), model: z.string() });

export type ProofAnswer = z.infer<typeof proofAnswer>;
