import { createHash } from 'node:crypto';
import { resultKey } from '../contracts/keys.ts';

/** Key of the outcome of one picture and model (its id). */
export function outcomeKey(model: string, key: string): string {
  return resultKey(model, key, sha256);
}

/** SHA-256 in lower-case hex; text is hashed as UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
