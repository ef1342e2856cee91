import { createGatherer } from '../async/gatherer.ts';
import { maxChunkMessages } from '../contracts/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink, Queue } from '../ports/queue.ts';

// A request costs the SDK almost a millisecond of CPU time, whatever it holds. So events and deletions share requests.

/** Longest time that an event or a deletion waits for others (milliseconds). */
const maxWaitMs = 20;

/** A sink whose events share requests. */
export function gatherEvents<E>(sink: EventSink<E>, clock: Clock): EventSink<E> {
  return { publish: gather((events) => sink.publish(events), clock) };
}

/** A queue whose deletions share requests. */
export function gatherDeletions(queue: Queue, clock: Clock): Queue {
  return { ...queue, delete: gather((receipts) => queue.delete(receipts), clock) };
}

function gather<T>(perform: (items: readonly T[]) => Promise<void>, clock: Clock) {
  const gatherer = createGatherer({ perform, clock, maxItems: maxChunkMessages, maxWaitMs });
  return async (items: readonly T[]): Promise<void> => {
    await Promise.all(items.map((item) => gatherer.add(item)));
  };
}
