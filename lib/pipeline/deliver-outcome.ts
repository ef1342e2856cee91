import { eventOf, type PipelineEvent } from '../contracts/event.ts';
import type { Failure } from '../contracts/field-types.ts';
import type { FailedOutcome, Outcome } from '../contracts/outcome.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { EventSink } from '../ports/queue.ts';
import type { FlowObserver } from './observer.ts';
import { outcomeKey } from './outcome-key.ts';
import { storeOutcome } from './store-outcome.ts';

/** What both flows need to end a picture. */
export interface OutcomePorts {
  input: ObjectStore;
  output: ObjectStore;
  events: EventSink<PipelineEvent>;
  clock: Clock;
  observer: FlowObserver;
  /**
   * Check the input again after storing an outcome. If the picture is gone, its outcome is deleted, because no later
   * message would delete it. If the picture has changed, it ends as superseded, and no event is published. A directory
   * announces no changes, and a backfill would not notice this one: the stored outcome is newer than the new version.
   */
  confirmSource: boolean;
}

/** Stores the outcome, publishes its event and tells the observer. After that the message may be deleted. */
export async function deliverOutcome(ports: OutcomePorts, outcome: Outcome): Promise<void> {
  const { observer, input, output, events, confirmSource } = ports;
  const { key, etag, model } = outcome;
  const at = outcomeKey(model, key);
  const result = await observer.stages.run('storing', key, () => storeOutcome(ports, outcome));
  if (result.status !== 'stored') return observer.ended({ end: result.status, key });
  if (confirmSource) {
    const current = await observer.stages.run('reading', key, () => input.head(key));
    if (current === undefined) {
      // Only this outcome: the picture may be back already, with a new outcome.
      await observer.stages.run('storing', key, () => output.delete(at, { ifMatch: result.etag }));
      return observer.ended({ end: 'gone', key });
    }
    if (current.etag !== etag) return observer.ended({ end: 'superseded', key });
  }
  const event = eventOf(result.outcome, at);
  await observer.stages.run('publishing', key, () => events.publish([event]));
  if (result.outcome.status === 'succeeded') observer.ended({ end: 'succeeded', key });
  else observer.ended({ end: 'failed', key, code: result.outcome.error.code });
}

/** The outcome of a picture that failed. */
export function failedOutcome(
  clock: Clock,
  { key, etag, model, error }: { key: string; etag: string; model: string; error: Failure },
): FailedOutcome {
  return { schema_version: 1, status: 'failed', key, etag, model, created_at: clock.now().toISOString(), error };
}
