import type { Flow } from '../pipeline/consumer.ts';
import { type BatchEvent, parseEvent, type ResultEvent } from './parse-event.ts';

/** What a consumer does with events. An event can come twice, so make both idempotent. */
export interface EventHandlers {
  /** A picture has a new outcome. An error makes the event come again later. */
  onResult?: ((event: ResultEvent, signal: AbortSignal) => unknown) | undefined;
  /** A data-set job is done. */
  onJobEnd?: ((event: BatchEvent, signal: AbortSignal) => unknown) | undefined;
}

/** Never aborts. */
const never = new AbortController().signal;

/** Calls the handler of a message's event. Other events are done at once. */
export function eventFlow({ onResult, onJobEnd }: EventHandlers): Flow {
  return async ({ body }, signal = never) => {
    const event = parseEvent(body);
    if (event.type === 'result') await onResult?.(event, signal);
    if (event.type === 'batch') await onJobEnd?.(event, signal);
  };
}
