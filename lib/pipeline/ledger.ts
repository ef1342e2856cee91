import type { FailureCode } from '../ports/error.ts';
import type { PictureEnd } from './observer.ts';

/** After this many versions, a picture that changes while it is in progress is left to the next run. */
const maxVersions = 5;

/** What a run has seen: `succeeded + failed + skipped` pictures have ended, `pending` are in progress. */
export interface Counts {
  succeeded: number;
  failed: number;
  /** The outcome was current, or the picture was deleted before it was read. */
  skipped: number;
  pending: number;
}

/** Counts the pictures of a run. A picture is counted once, however often its messages are delivered. */
export interface Ledger {
  /** Returns false if the picture is already in progress. */
  begin(key: string): boolean;
  /** Counts a picture whose outcome is current. */
  skip(): void;
  /** Ignores a picture that is not in progress: it has ended before, or belongs to another run. */
  end(end: PictureEnd): void;
  /** Counts a picture without an outcome as failed: it could not be read, stored or published. */
  giveUp(key: string, why: string): void;
  isPending(key: string): boolean;
  counts(): Counts;
  /** Failed outcomes by code. */
  failures(): Partial<Record<FailureCode, number>>;
  /** Pictures that were given up, by reason. */
  givenUp(): Record<string, number>;
  /** Waits for pictures that changed while in progress and must be sent again. Empty when `signal` aborts. */
  takeChanged(signal: AbortSignal): Promise<string[]>;
  /** Resolves when no picture is in progress, or `signal` aborts. */
  idle(signal: AbortSignal): Promise<void>;
}

/** `onChange` is called when a picture ends, and when one begins while none is in progress. */
export function createLedger(onChange: () => void): Ledger {
  /** Versions seen of each picture in progress. */
  const pending = new Map<string, number>();
  const failures = new Map<FailureCode, number>();
  const givenUp = new Map<string, number>();
  const totals = { succeeded: 0, failed: 0, skipped: 0 };
  let changed: string[] = [];
  let wake = Promise.withResolvers<void>();

  function wakeAll(): void {
    wake.resolve();
    wake = Promise.withResolvers();
  }

  function changedCounts(): void {
    wakeAll();
    onChange();
  }

  async function until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', wakeAll);
    while (!condition() && !signal.aborted) await wake.promise;
    signal.removeEventListener('abort', wakeAll);
  }

  return {
    begin(key) {
      if (pending.has(key)) return false;
      pending.set(key, 1);
      if (pending.size === 1) onChange();
      return true;
    },
    skip() {
      totals.skipped += 1;
      changedCounts();
    },
    end(end) {
      const versions = pending.get(end.key);
      if (versions === undefined) return;
      if (end.end === 'superseded' && versions < maxVersions) {
        pending.set(end.key, versions + 1);
        changed.push(end.key);
      } else {
        pending.delete(end.key);
        totals[end.end === 'succeeded' || end.end === 'failed' ? end.end : 'skipped'] += 1;
        if (end.end === 'failed') failures.set(end.code, (failures.get(end.code) ?? 0) + 1);
      }
      changedCounts();
    },
    giveUp(key, why) {
      if (!pending.delete(key)) return;
      totals.failed += 1;
      givenUp.set(why, (givenUp.get(why) ?? 0) + 1);
      changedCounts();
    },
    isPending: (key) => pending.has(key),
    counts: () => ({ ...totals, pending: pending.size }),
    failures: () => Object.fromEntries(failures),
    givenUp: () => Object.fromEntries(givenUp),
    async takeChanged(signal) {
      await until(() => changed.length > 0, signal);
      const taken = changed;
      changed = [];
      return taken;
    },
    idle: (signal) => until(() => pending.size === 0, signal),
  };
}
