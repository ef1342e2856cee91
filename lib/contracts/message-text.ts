import { z } from 'zod';
import { ImageGptError } from '../ports/error.ts';

/**
 * Writes a message body as JSON. Escapes U+FFFE and U+FFFF, which a key may contain: SQS and SNS refuse them, and
 * JSON.stringify does not escape them. Source: SendMessage API reference, "MessageBody".
 */
export function messageText(value: unknown): string {
  return JSON.stringify(value).replace(/[\ufffe\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}

/** A queue message that does not match its contract. It is never deleted, so SQS dead-letters it. */
export class MessageError extends ImageGptError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalid_message', message, options);
  }
}

/**
 * Parses a message body by its contract.
 *
 * @param name what is expected, for the error: `a tokens message`
 * @throws {MessageError} with the first three faults
 */
export function readMessage<T>(body: string, contract: z.ZodType<T>, name: string): T {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    throw new MessageError(`Expected ${name} in JSON, received ${body.length} characters that are not JSON.`, {
      cause,
    });
  }
  const parsed = contract.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, 3)
    .map((issue) => `${z.core.toDotPath(issue.path) || 'body'}: ${issue.message}`);
  throw new MessageError(`Expected ${name}, received another message (${issues.join('; ')}).`, { cause: parsed.error });
}
