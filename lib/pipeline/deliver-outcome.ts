import { eventOf, type PipelineEvent } from '../contracts/event.ts';
import type { Failure } from '../contracts/failure.ts';
import { resultKey } from '../contracts/keys.ts';
import type { FailedOutcome, Outcome } from '../contracts/outcome.ts';
import type { FlowObserver } from './picture-end.ts';
import type { Clock, EventSink, ObjectStore } from './ports.ts';
import { sha256 } from './sha256.ts';
import { storeOutcome } from './store-outcome.ts';

/** What both flows need to end a picture. */
export interface OutcomePorts {
  input: ObjectStore;
  output: ObjectStore;
  events: EventSink<PipelineEvent>;
  clock: Clock;
  observer: FlowObserver;
  /**
   * Look at the input again after storing, and call the picture superseded when it has changed meanwhile. For inputs
   * that announce no changes (a directory): otherwise the outcome of the old version, being newer than the new
   * version, would pass for current for ever.
   */
  confirmSource: boolean;
  /**
   * Look at the input before storing, too. For inputs that announce deletions, where tokens may wait for minutes: a
   * picture that was deleted meanwhile has lost its outcome already, and nobody would delete a later one. Default false.
   */
  confirmFirst?: boolean;
}

/** Stores the outcome, publishes its event and tells the observer: after this its message may be deleted. */
export async function deliverOutcome(ports: OutcomePorts, outcome: Outcome): Promise<void> {
  const { observer, input, events, confirmSource, confirmFirst = false } = ports;
  const { key, etag, model } = outcome;
  if (confirmFirst && !(await isCurrent())) return;
  const result = await observer.stages.run('storing', key, () => storeOutcome(ports, outcome));
  if (result.status !== 'stored') return observer.ended({ end: result.status, key });
  if (confirmSource && !(await isCurrent())) return;
  const event = eventOf(result.outcome, resultKey(model, key, sha256));
  await observer.stages.run('publishing', key, () => events.publish([event]));
  if (result.outcome.status === 'succeeded') observer.ended({ end: 'succeeded', key });
  else observer.ended({ end: 'failed', key, code: result.outcome.error.code });

  /** False when the picture is gone or another one; then the observer has been told. */
  async function isCurrent(): Promise<boolean> {
    const current = await observer.stages.run('reading', key, () => input.head(key));
    if (current?.etag === etag) return true;
    observer.ended({ end: current === undefined ? 'gone' : 'superseded', key });
    return false;
  }
}

/** The outcome of a picture that ended without a result. */
export function failedOutcome(
  clock: Clock,
  { key, etag, model, error }: { key: string; etag: string; model: string; error: Failure },
): FailedOutcome {
  return { schema_version: 1, status: 'failed', key, etag, model, created_at: clock.now().toISOString(), error };
}
