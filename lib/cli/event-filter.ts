import type { EventFilter } from '../aws/event-tap.ts';

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
