import { ImageGptError } from '../image-gpt/error.ts';

/** A queue message that cannot be understood: never acknowledged, so that it ends in the dead letters. */
export class MessageError extends ImageGptError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalid_message', message, options);
  }
}
