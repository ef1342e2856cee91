import type { Failure } from '../contracts/failure.ts';
import { type FailureCode, PictureError } from '../ports/error.ts';
import type { QueueMessage } from '../ports/queue.ts';

// The only places where an error becomes a picture's failure. Whatever stores, sends or publishes runs outside of them,
// so its errors can only reject: the message comes again, and in the end goes to the dead letters.

/** What work on a picture came to: its result, or why the picture fails. */
export type Tried<T> = { result: T } | { failure: Failure };

/** Tries to read a picture. Only a {@link PictureError} is the picture's fault; any other error is the store's: thrown. */
export async function tryReading<T>(read: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { result: await read() };
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return { failure: told(error) };
  }
}

export interface Attempt {
  message: QueueMessage;
  /** After its abort, errors say nothing about the picture: they are thrown. */
  signal: AbortSignal | undefined;
  /** What the picture fails with when the last permitted receive fails. */
  code: FailureCode;
  /** Told of the error behind such a failure, whose text may hold paths of the machine and is not stored. */
  caught(error: unknown): void;
}

/**
 * Tries to decode a picture, or to run the model on it. A {@link PictureError} makes the picture fail at once, any other
 * error on the last permitted receive; before that it is thrown, and the message comes again.
 */
export async function tryPicture<T>(work: () => Promise<T>, attempt: Attempt): Promise<Tried<T>> {
  const { message, signal, code, caught } = attempt;
  try {
    return { result: await work() };
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error instanceof PictureError) return { failure: told(error) };
    if (!message.lastReceive) throw error;
    caught(error);
    const text = `Expected success within ${message.receiveCount} attempts, but each of them failed.`;
    return { failure: { code, message: text } };
  }
}

function told({ code, message }: PictureError): Failure {
  return { code, message };
}
