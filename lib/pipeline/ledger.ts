import type { FailureCode } from '../ports/error.ts';
import type { PictureEnd } from './observer.ts';

/** A picture that changes faster than it is read is let go after so many versions, for the next run to take. */
const maxVersions = 5;

/** What a run has seen: `succeeded + failed + skipped` pictures have ended, `pending` are on their way. */
export interface Counts {
  succeeded: number;
  failed: number;
  /** A current outcome was there, or the picture went away before it was read. */
  skipped: number;
  pending: number;
}

/** Keeps account of the pictures of a run: each that is begun is counted once, however often its messages come. */
export interface Ledger {
  /** False when the picture is on its way already. */
  begin(key: string): boolean;
  /** Counts a picture that needs nothing. */
  skip(): void;
  /** Nothing for a picture that is not on its way: it has ended before, or belongs to another run. */
  end(end: PictureEnd): void;
  /** Counts a picture as failed whose outcome could not be made, stored or published, and says why: the next run's. */
  giveUp(key: string, why: string): void;
  isPending(key: string): boolean;
  counts(): Counts;
  /** Failed pictures by code, without those that were given up. */
  failures(): Partial<Record<FailureCode, number>>;
  /** Pictures that were given up, by the reason. */
  givenUp(): Record<string, number>;
  /** Pictures that changed on their way, to be sent again. Waits for the first; empty when `signal` aborts. */
  takeChanged(signal: AbortSignal): Promise<string[]>;
  /** Resolves when nothing is pending, or `signal` aborts. */
  idle(signal: AbortSignal): Promise<void>;
}

/** `onChange` is told when a picture has ended, and when there is one to wait for again. */
export function createLedger(onChange: () => void): Ledger {
  /** Versions seen of each picture on its way. */
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

  function notify(): void {
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
      // The first after a pause: nobody has waited for anything until now.
      if (pending.size === 1) onChange();
      return true;
    },
    skip() {
      totals.skipped += 1;
      notify();
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
      notify();
    },
    giveUp(key, why) {
      if (!pending.delete(key)) return;
      totals.failed += 1;
      givenUp.set(why, (givenUp.get(why) ?? 0) + 1);
      notify();
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
