import type { Clock } from '../ports/clock.ts';
import { TransientError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Queue } from '../ports/queue.ts';
import { awsErrorStatus, StorageDeniedError } from './aws-error.ts';

/** Pauses between attempts, on top of the SDK's own retries (milliseconds; one minute together). */
const pausesMs = [1000, 2000, 4000, 8000, 15_000, 30_000];

/** Access denied is not retried, because nobody changes a policy while a command waits. */
function isRetryable(error: unknown): boolean {
  return (
    error instanceof TransientError && !(error instanceof StorageDeniedError) && awsErrorStatus(error.cause) !== 403
  );
}

async function withRetries<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  for (const pause of pausesMs) {
    try {
      return await work();
    } catch (error) {
      if (!isRetryable(error)) throw error;
      await clock.sleep(pause);
    }
  }
  return work();
}

/**
 * A bucket for a command that runs for hours: throttling and short failures are retried. A listing resumes after the
 * last key that it yielded.
 */
export function retryingStore(store: ObjectStore, clock: Clock): ObjectStore {
  return {
    async *list({ prefix = '', startAfter = '' } = {}) {
      let last = startAfter;
      for (let failures = 0; ; ) {
        try {
          for await (const object of store.list({ prefix, startAfter: last })) {
            last = object.key;
            failures = 0;
            yield object;
          }
          return;
        } catch (error) {
          const pause = pausesMs[failures];
          if (!isRetryable(error) || pause === undefined) throw error;
          failures += 1;
          await clock.sleep(pause);
        }
      }
    },
    head: (key) => withRetries(clock, () => store.head(key)),
    get: (key, options) => withRetries(clock, () => store.get(key, options)),
    put: (key, body, condition) => withRetries(clock, () => store.put(key, body, condition)),
    delete: (key, condition) => withRetries(clock, () => store.delete(key, condition)),
  };
}

/** A queue whose sends are retried in the same way. A retried send may deliver a message twice. */
export function retryingQueue(queue: Queue, clock: Clock): Queue {
  return { ...queue, send: (bodies, options) => withRetries(clock, () => queue.send(bodies, options)) };
}
