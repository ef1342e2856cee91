import { ImageGptError } from '../image-gpt/error.ts';

/** The command line itself is wrong: nothing was started, and the command exits with 2. */
export class UsageError extends ImageGptError {
  constructor(message: string, options?: ErrorOptions) {
    super('usage', message, options);
  }
}

/** Codes of other rooms' errors that come of what was asked for, never of the files: they are usage errors too. */
const ASKED_TOO_MUCH = new Set(['output_unavailable', 'layer_out_of_range']);

/** True when the command line is at fault. */
export function isUsageError(error: unknown): boolean {
  return error instanceof UsageError || (error instanceof ImageGptError && ASKED_TOO_MUCH.has(error.code));
}
