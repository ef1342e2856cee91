import type { ResultEvent } from '../contracts/event.ts';
import { parseOutcome } from '../contracts/outcome.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { LiveReport } from './live-report.ts';
import { reportRow, type ViewsOf } from './outcome-rows.ts';

export interface LiveRowsOptions {
  live: LiveReport;
  output: ObjectStore;
  viewsOf: ViewsOf;
  /** Whether a user waits for this picture. Such pictures come first and are always listed. */
  isAwaited: (key: string) => boolean;
  /** Rows made at once. */
  concurrency: number;
  /** A row could not be made and is left out. */
  onError: (error: unknown) => void;
}

export interface LiveRows {
  add(event: ResultEvent): void;
  /** Resolves when all rows are made. */
  idle(): Promise<void>;
}

/** Turns the events of a run into rows of a live report, in the background: the run does not wait for them. */
export function createLiveRows(options: LiveRowsOptions): LiveRows {
  const { live, output, viewsOf, isAwaited, concurrency, onError } = options;
  const waiting: ResultEvent[] = [];
  /** The last event of each picture in progress. Rows of earlier events are dropped. */
  const newest = new Map<string, ResultEvent>();
  const lanes = new Set<Promise<void>>();

  async function work(): Promise<void> {
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
      await show(event).catch(onError);
      if (newest.get(event.key) === event) newest.delete(event.key);
    }
  }

  async function show(event: ResultEvent): Promise<void> {
    const { key, etag, result_key } = event;
    const stored = await output.get(result_key);
    const outcome = stored.status === 'found' ? parseOutcome(stored.body) : undefined;
    if (outcome?.etag !== etag) return;
    const always = isAwaited(key);
    const shown = outcome.status === 'succeeded' && (always || live.hasRoom(key));
    const row = reportRow(outcome, shown ? await viewsOf({ key, etag }) : null);
    if (newest.get(key) === event) live.put(row, { always });
  }

  return {
    add(event) {
      newest.set(event.key, event);
      if (isAwaited(event.key)) waiting.unshift(event);
      else waiting.push(event);
      if (lanes.size >= concurrency) return;
      const lane = work().finally(() => lanes.delete(lane));
      lanes.add(lane);
    },
    async idle() {
      while (lanes.size > 0) await Promise.all(lanes);
    },
  };
}
