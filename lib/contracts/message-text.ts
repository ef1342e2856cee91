import { z } from 'zod';
import { ImageGptError } from '../ports/error.ts';

/**
 * JSON text that SQS and SNS accept as it stands: they refuse U+FFFE and U+FFFF (SendMessage API reference,
 * "MessageBody"), which a key may hold and JSON.stringify does not escape.
 */
export function messageText(value: unknown): string {
  return JSON.stringify(value).replace(/[\ufffe\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}

/** A queue message that cannot be understood: never acknowledged, so that it ends in the dead letters. */
export class MessageError extends ImageGptError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalid_message', message, options);
  }
}

/** Parses a message body by its contract. @throws {MessageError} naming what is wrong with it */
export function readMessage<T>(body: string, contract: z.ZodType<T>, name: string): T {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    throw new MessageError(`Expected ${name} in JSON, received ${body.length} characters that are not.`, { cause });
  }
  const parsed = contract.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, 3)
    .map((issue) => `${z.core.toDotPath(issue.path) || 'body'}: ${issue.message}`);
  throw new MessageError(`Expected ${name}, received something else (${issues.join('; ')}).`, { cause: parsed.error });
}
