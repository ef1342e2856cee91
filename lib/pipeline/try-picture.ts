import type { Failure } from '../contracts/field-types.ts';
import { type FailureCode, InstallationError, PictureError } from '../ports/error.ts';
import type { QueueMessage } from '../ports/queue.ts';

// These two functions are the only places where an error becomes a picture's failure. Storing, sending and publishing
// run outside of them. Their errors reject the flow: the message is retried, and dead-lettered in the end.

/** The delivery that a picture came with. */
export type Attempt = Pick<QueueMessage, 'receiveCount' | 'lastReceive'>;

/** The result of work on a picture, or why the picture fails. */
export type Tried<T> = { result: T } | { failure: Failure };

export interface TryOptions {
  attempt: Attempt;
  /** Once it aborts, every error is thrown, because it no longer says anything about the picture. */
  signal: AbortSignal | undefined;
  /** Code of the failure when the last receive fails. */
  code: FailureCode;
  /** Receives the error behind that failure. Its text is not stored, because it may hold paths of the machine. */
  caught(error: unknown): void;
}

/** Reads a picture. A {@link PictureError} fails the picture. Any other error is the store's and is thrown. */
export async function tryReading<T>(read: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { result: await read() };
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return { failure: failureOf(error) };
  }
}

/**
 * Decodes a picture, or runs the model on it. A {@link PictureError} fails the picture at once. An
 * {@link InstallationError} is always thrown. Any other error fails the picture on the last receive. Before that the
 * error is thrown, and the message is retried.
 */
export async function tryPicture<T>(work: () => Promise<T>, options: TryOptions): Promise<Tried<T>> {
  const { attempt, signal, code, caught } = options;
  try {
    return { result: await work() };
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error instanceof PictureError) return { failure: failureOf(error) };
    if (!attempt.lastReceive || error instanceof InstallationError) throw error;
    caught(error);
    const message = `Expected success within ${attempt.receiveCount} attempts, but each of them failed.`;
    return { failure: { code, message } };
  }
}

function failureOf({ code, message }: PictureError): Failure {
  return { code, message };
}
