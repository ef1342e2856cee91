import type { Clock } from '../ports/clock.ts';
import { TransientError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Queue } from '../ports/queue.ts';
import { awsErrorStatus } from './aws-error.ts';

/** After the SDK's own attempts: a minute in all, milliseconds. */
const pausesMs = [1000, 2000, 4000, 8000, 15_000, 30_000];

/** A retry may cure it. What is denied stays denied as long as somebody waits at a terminal. */
function mayPass(error: unknown): boolean {
  return error instanceof TransientError && awsErrorStatus(error.cause) !== 403;
}

async function patiently<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  for (const pause of pausesMs) {
    try {
      return await work();
    } catch (error) {
      if (!mayPass(error)) throw error;
      await clock.sleep(pause);
    }
  }
  return work();
}

/**
 * A bucket for a command that runs for hours: throttles and failures that pass don't end it, and a listing goes on
 * behind the last key that it gave.
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
          if (!mayPass(error) || pause === undefined) throw error;
          failures += 1;
          await clock.sleep(pause);
        }
      }
    },
    head: (key) => patiently(clock, () => store.head(key)),
    get: (key, options) => patiently(clock, () => store.get(key, options)),
    put: (key, body, condition) => patiently(clock, () => store.put(key, body, condition)),
    delete: (key, condition) => patiently(clock, () => store.delete(key, condition)),
  };
}

/** A queue for such a command; what is sent may then be there twice, as always. */
export function retryingQueue(queue: Queue, clock: Clock): Queue {
  return { ...queue, send: (bodies, options) => patiently(clock, () => queue.send(bodies, options)) };
}
