/**
 * Base of every error that we expect. Callers branch on `code`, never on the text; the message says what was
 * expected, what came and, where there is something to do, what to do next.
 */
export class ImageGptError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}
