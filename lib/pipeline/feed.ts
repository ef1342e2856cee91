import { messageText } from '../contracts/message-text.ts';
import type { PictureReference } from '../contracts/uploads-message.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore, StoredObject } from '../ports/object-store.ts';
import type { Queue } from '../ports/queue.ts';
import { backfill } from './backfill.ts';
import type { Ledger } from './ledger.ts';
import type { Stages } from './observer.ts';

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
  prefix: string;
  retryFailed: boolean;
  verify: boolean;
  changes: AsyncIterable<unknown> | undefined;
  settleMs: number;
  /** Pictures that {@link sendUrgent} has begun: the first pass neither begins nor counts them again. */
  urgent: ReadonlySet<string>;
}

/**
 * Sends a reference for every picture without a current outcome; with `changes`, again after each of them, until
 * `signal` aborts or the changes end. A pass begins when the one before is done in every part, or its own pictures
 * would look as if they had no outcome.
 */
export async function feed(options: FeedOptions): Promise<void> {
  const { changes, clock, ledger, settleMs, signal } = options;
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

/** One backfill. True when it left pictures for later, because they may still be written to. */
async function pass(options: FeedOptions, first: boolean): Promise<boolean> {
  const { input, output, uploads, clock, model, ledger, stages, signal, prefix, settleMs } = options;
  const counted = (key: string): boolean => first && options.urgent.has(key);
  let deferred = false;
  const defer = ({ lastModified }: StoredObject): boolean => {
    const age = clock.now().getTime() - lastModified.getTime();
    // A time in the future is another clock's: it says nothing.
    const unsettled = age >= 0 && age < settleMs;
    deferred ||= unsettled;
    return unsettled;
  };
  const pictures = backfill({
    input,
    output,
    model,
    prefix,
    // Once is enough: what failed in this run will fail again.
    retryFailed: first && options.retryFailed,
    verify: first && options.verify,
    ...(options.changes === undefined ? {} : { defer }),
    // Later passes meet again what the first one counted.
    ...(first ? { onCurrent: (key: string) => counted(key) || ledger.skip() } : {}),
  });
  for (;;) {
    const next = await stages.run('listing', prefix, () => pictures.next());
    if (next.done || signal.aborted) break;
    const { key } = next.value;
    if (!counted(key) && ledger.begin(key)) await sendReference(uploads, key, signal);
  }
  await pictures.return(undefined);
  return deferred;
}

/** Sends the pictures again that changed on their way, until `signal` aborts. */
export async function sendChangedAgain(ledger: Ledger, uploads: Queue, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const key of await ledger.takeChanged(signal)) await sendReference(uploads, key, signal);
  }
}

export interface UrgentOptions {
  /** Keys as they come. */
  keys: AsyncIterable<string>;
  ledger: Ledger;
  uploads: Queue;
  /** Gets the keys that were begun. */
  begun: Set<string>;
  /** Ends it. */
  signal: AbortSignal;
}

/** Sends pictures that somebody waits for, before the listing comes to them. */
export async function sendUrgent({ keys, ledger, uploads, begun, signal }: UrgentOptions): Promise<void> {
  const next = nextOf(keys, signal);
  for (let item = await next(); item !== undefined && !signal.aborted; item = await next()) {
    const key = item.value;
    if (!ledger.begin(key)) continue;
    begun.add(key);
    await sendReference(uploads, key, signal);
  }
}

/** Whichever version is current when it is read: so the reference cannot be out of date. */
async function sendReference(uploads: Queue, key: string, signal: AbortSignal): Promise<void> {
  const reference: PictureReference = { schema_version: 1, type: 'reference', key };
  await uploads.send([messageText(reference)], { signal });
}

/** Waits for the next item; undefined when there are no more or `signal` aborted. */
function nextOf<T>(items: AsyncIterable<T>, signal: AbortSignal): () => Promise<{ value: T } | undefined> {
  const iterator = items[Symbol.asyncIterator]();
  const aborted = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  let next: Promise<{ value: T } | undefined> | undefined;
  return async () => {
    // A wait that was given up for another reason goes on: its item must not be lost.
    next ??= iterator.next().then((item) => (item.done === true ? undefined : item));
    const came = await Promise.race([next, aborted]);
    next = undefined;
    if (came === undefined) void iterator.return?.();
    return came;
  };
}
