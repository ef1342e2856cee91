import type { EventFilter } from '../../aws/event-tap.ts';
import type { ResultEvent } from '../../contracts/event.ts';

export interface EventChoice {
  status?: 'succeeded' | 'failed' | undefined;
  label?: readonly string[] | undefined;
  model?: string | undefined;
}

/** The filter policy for a choice of result events; undefined: all. Conditions of different names must all hold. */
export function eventFilter({ status, label = [], model }: EventChoice): EventFilter | undefined {
  const policy = {
    ...(status === undefined ? {} : { status: [status] }),
    ...(label.length === 0 ? {} : { label: [...label] }),
    ...(model === undefined ? {} : { model: [model] }),
  };
  return Object.keys(policy).length === 0 ? undefined : { scope: 'MessageAttributes', policy };
}

/**
 * True when `event` is among the choice. A new filter policy may take minutes to hold everywhere, so what comes is looked
 * at again. Source: Amazon SNS Developer Guide, "Applying a subscription filter policy".
 */
export function isChosen(event: ResultEvent, { status, label = [], model }: EventChoice): boolean {
  const labelled = event.status === 'succeeded' && event.label !== null && label.includes(event.label);
  return (
    (status === undefined || event.status === status) &&
    (model === undefined || event.model === model) &&
    (label.length === 0 || labelled)
  );
}
