import { messageText } from '../contracts/message-text.ts';
import type { PictureReference } from '../contracts/uploads-message.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore, StoredObject } from '../ports/object-store.ts';
import type { Queue } from '../ports/queue.ts';
import { backfill } from './backfill.ts';
import type { Ledger } from './ledger.ts';
import type { Stages } from './observer.ts';

/** A picture that was modified less than this ago may still be written to (milliseconds). */
const settleMs = 1000;

export interface FeedOptions {
  input: ObjectStore;
  output: ObjectStore;
  uploads: Queue;
  clock: Clock;
  /** Model id. */
  model: string;
  ledger: Ledger;
  stages: Stages;
  /** Ends the feed. */
  signal: AbortSignal;
  retryFailed: boolean | undefined;
  verify: boolean | undefined;
  changes: AsyncIterable<unknown> | undefined;
  /** Pictures that {@link sendUrgent} has begun. The first pass neither begins nor counts them again. */
  urgent: ReadonlySet<string>;
}

/**
 * Sends a reference for every picture without a current outcome. With `changes`, it does so again after each change,
 * until `signal` aborts or the changes end. A pass begins only when all pictures of the last one have ended, because
 * pictures that are in progress have no outcome yet.
 */
export async function feed(options: FeedOptions): Promise<void> {
  const { changes, clock, ledger, signal } = options;
  let deferred = await pass(options, true);
  if (changes === undefined) return;
  const next = nextOf(changes, signal);
  const change = (): Promise<boolean> => next().then((item) => item !== undefined);
  for (;;) {
    await ledger.idle(signal);
    const more = await (deferred ? Promise.race([change(), clock.sleep(settleMs, signal).then(() => true)]) : change());
    if (!more || signal.aborted) return;
    deferred = await pass(options, false);
  }
}

/** One backfill. Returns true if it deferred pictures that may still be written to. */
async function pass(options: FeedOptions, first: boolean): Promise<boolean> {
  const { input, output, uploads, clock, model, ledger, stages, signal, changes, urgent } = options;
  const isCounted = (key: string): boolean => first && urgent.has(key);
  let deferred = false;
  const defer = ({ lastModified }: StoredObject): boolean => {
    const age = clock.now().getTime() - lastModified.getTime();
    // A time in the future comes from another clock and says nothing.
    const unsettled = age >= 0 && age < settleMs;
    deferred ||= unsettled;
    return unsettled;
  };
  const pictures = backfill({
    input,
    output,
    model,
    // Only once: what failed in this run would fail again.
    retryFailed: first && options.retryFailed,
    verify: first && options.verify,
    defer: changes && defer,
    // Later passes list pictures that the first pass has already counted.
    onCurrent: first ? (key) => isCounted(key) || ledger.skip() : undefined,
  });
  for (;;) {
    const next = await stages.run('listing', '', () => pictures.next());
    if (next.done || signal.aborted) break;
    const { key } = next.value;
    if (!isCounted(key) && ledger.begin(key)) await sendReference(uploads, key, signal);
  }
  await pictures.return(undefined);
  return deferred;
}

/** Resends pictures that changed while they were in progress, until `signal` aborts. */
export async function sendChangedAgain(ledger: Ledger, uploads: Queue, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const key of await ledger.takeChanged(signal)) await sendReference(uploads, key, signal);
  }
}

export interface UrgentOptions {
  /** Keys as they arrive. */
  keys: AsyncIterable<string>;
  ledger: Ledger;
  uploads: Queue;
  /** Receives the keys that were begun. */
  begun: Set<string>;
  /** Ends the sending. */
  signal: AbortSignal;
}

/** Sends pictures that somebody waits for, before the listing reaches them. */
export async function sendUrgent({ keys, ledger, uploads, begun, signal }: UrgentOptions): Promise<void> {
  const next = nextOf(keys, signal);
  for (let item = await next(); item !== undefined && !signal.aborted; item = await next()) {
    const key = item.value;
    if (!ledger.begin(key)) continue;
    begun.add(key);
    await sendReference(uploads, key, signal);
  }
}

/** Without an ETag the reference names the version that is current when it is read, so it is never out of date. */
async function sendReference(uploads: Queue, key: string, signal: AbortSignal): Promise<void> {
  const reference: PictureReference = { schema_version: 1, type: 'reference', key };
  await uploads.send([messageText(reference)], { signal });
}

/** Waits for the next item; undefined when there are no more, or `signal` aborted. */
function nextOf<T>(items: AsyncIterable<T>, signal: AbortSignal): () => Promise<{ value: T } | undefined> {
  const iterator = items[Symbol.asyncIterator]();
  const aborted = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  let next: Promise<{ value: T } | undefined> | undefined;
  return async () => {
    // A caller may have stopped waiting. Its item must not be lost, so the next caller gets the same promise.
    next ??= iterator.next().then((item) => (item.done === true ? undefined : item));
    const item = await Promise.race([next, aborted]);
    next = undefined;
    if (item === undefined) void iterator.return?.();
    return item;
  };
}
