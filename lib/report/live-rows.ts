import type { ResultEvent } from '../contracts/event.ts';
import { parseOutcome } from '../contracts/outcome.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { LiveReport } from './live-report.ts';
import { reportRow, type ViewPicture } from './outcome-rows.ts';

export interface LiveRowsOptions {
  live: LiveReport;
  output: ObjectStore;
  lookAt: ViewPicture;
  /** Pictures that somebody waits for: they come first, and are listed whatever else is. */
  isAwaited: (key: string) => boolean;
  /** Pictures looked at at once. */
  concurrency: number;
  /** A row could not be made, and is left out. */
  onError: (error: unknown) => void;
}

export interface LiveRows {
  add(event: ResultEvent): void;
  /** Resolves when nothing waits. */
  idle(): Promise<void>;
}

/** Turns the events of a run into rows of a live report, behind the run's back: it waits for none of them. */
export function createLiveRows(options: LiveRowsOptions): LiveRows {
  const { live, output, lookAt, isAwaited, concurrency, onError } = options;
  const waiting: ResultEvent[] = [];
  /** The last event of each picture that waits or is being looked at: an earlier one says nothing any more. */
  const newest = new Map<string, ResultEvent>();
  const workers = new Set<Promise<void>>();

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
    const row = reportRow(outcome, shown ? await lookAt({ key, etag }) : null);
    if (newest.get(key) === event) live.put(row, { always });
  }

  return {
    add(event) {
      newest.set(event.key, event);
      if (isAwaited(event.key)) waiting.unshift(event);
      else waiting.push(event);
      if (workers.size >= concurrency) return;
      const worker = work().finally(() => workers.delete(worker));
      workers.add(worker);
    },
    async idle() {
      while (workers.size > 0) await Promise.all(workers);
    },
  };
}
