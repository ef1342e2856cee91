import { z } from 'zod';
import { MessageError } from './message-error.ts';

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
