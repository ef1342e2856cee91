import type { Failure, FailureCode } from '../contracts/failure.ts';
import { PictureError, type QueueMessage } from './ports.ts';

/**
 * What becomes of a caught error: the failure to store, or undefined when the message is to come again. Only errors
 * about the picture speak for themselves; the text of any other may hold paths of the machine, so it is not stored.
 */
export function failureOf(error: unknown, message: QueueMessage, code: FailureCode): Failure | undefined {
  if (error instanceof PictureError) return { code: error.code, message: error.message };
  if (!message.lastReceive) return undefined;
  return { code, message: `Expected success within ${message.receiveCount} attempts, but each of them failed.` };
}
