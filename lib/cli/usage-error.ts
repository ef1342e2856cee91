import { ImageGptError } from '../image-gpt/error.ts';

/** The command line itself is wrong: nothing was started, and the command exits with 2. */
export class UsageError extends ImageGptError {
  constructor(message: string, options?: ErrorOptions) {
    super('usage', message, options);
  }
}
