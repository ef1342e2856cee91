import { ImageGptError } from '../image-gpt/error.ts';

/** A key that no file in a directory may stand for. */
export class KeyError extends ImageGptError {
  constructor(key: string, expected: string) {
    super('invalid_key', `Expected a key ${expected}, received ${JSON.stringify(key)}.`);
  }
}
