import { longResultPrefix } from '../contracts/keys.ts';
import { messageText } from '../contracts/message-text.ts';
import { parseOutcome } from '../contracts/outcome.ts';
import type { PictureReference } from '../contracts/uploads-message.ts';
import type { Clock } from '../ports/clock.ts';
import { ImageGptError } from '../ports/error.ts';
import type { StoredObject } from '../ports/object-store.ts';
import type { Queue } from '../ports/queue.ts';
import { type BackfillOptions, backfill } from './backfill.ts';

export interface SendBackfillOptions
  extends Pick<BackfillOptions, 'input' | 'output' | 'model' | 'retryFailed' | 'verify'> {
  /** Only pictures whose keys begin with this. */
  prefix: string;
  /** Where the references go. */
  queue: Queue;
  clock: Clock;
  /** Only count. */
  dryRun: boolean;
  /** Delete outcomes whose pictures are gone. */
  prune: boolean;
  /** Prune even when there is no picture at all. */
  force: boolean;
  /** Pictures that wait already for the work that these would wait for. */
  waiting: () => Promise<number>;
  /** Nothing is sent while more wait. */
  maxWaiting: number;
  /** Ends it after what is at hand; started again, it goes on. */
  signal: AbortSignal;
  onProgress?: (totals: BackfillTotals) => void;
  /** Too many wait. */
  onPause?: (waiting: number) => void;
  onResume?: () => void;
}

export interface BackfillTotals {
  /** Pictures that were looked at: the next five together. */
  seen: number;
  /** With a current outcome. */
  current: number;
  /** Without any. */
  missing: number;
  /** With one of another version of the picture. */
  stale: number;
  /** With one that cannot be read. */
  damaged: number;
  /** With a failed one that is to be tried again. */
  retried: number;
  /** Current outcomes that say failed, among those that were read. */
  failed: number;
  /** References in the queue. */
  sent: number;
  /** Outcomes whose pictures are gone. */
  orphans: number;
  /** Those of them that were deleted. */
  pruned: number;
}

export interface BackfillResult extends BackfillTotals {
  /** `signal` ended it before the end. */
  interrupted: boolean;
}

/** References in one send: the most that SQS takes. */
const sendSize = 10;

/** Sends, and deletions, under way at once. */
const concurrency = 16;

/** Outcomes that are read at once: a read of S3 takes some 30 ms. */
const lookups = 64;

/** How often it is looked at how many wait: after so many sent, and so long while too many wait, milliseconds. */
const lookAfter = 2000;
const lookAgainMs = 10_000;

/**
 * Sends a reference for every picture without a current outcome, in constant memory. References name no version:
 * whichever is current when it is read.
 *
 * @throws {ImageGptError} `nothing_to_keep` when pruning would delete every outcome; whatever the ports throw
 */
export async function sendBackfill(options: SendBackfillOptions): Promise<BackfillResult> {
  const { input, output, model, prefix, queue, clock, dryRun, prune, signal, maxWaiting } = options;
  const totals: BackfillTotals = {
    ...{ seen: 0, current: 0, missing: 0, stale: 0, damaged: 0, retried: 0 },
    ...{ failed: 0, sent: 0, orphans: 0, pruned: 0 },
  };
  const work = createBoundedWork(concurrency);
  let gathered: string[] = [];
  let sinceLook = Number.POSITIVE_INFINITY;
  const progress = (): void => options.onProgress?.(totals);

  const pictures = backfill({
    ...{ input, output, model, prefix, lookups },
    ...(options.retryFailed === undefined ? {} : { retryFailed: options.retryFailed }),
    ...(options.verify === undefined ? {} : { verify: options.verify }),
    onCurrent(_, outcome) {
      totals.seen += 1;
      totals.current += 1;
      if (outcome?.status === 'failed') totals.failed += 1;
      progress();
      // A generator that yields nothing for a long time has to be ended from inside.
      if (signal.aborted) throw new Interrupted();
    },
    ...(prune ? { onOrphan } : {}),
  });
  try {
    for await (const { key, reason } of pictures) {
      totals.seen += 1;
      totals[reason === 'failed' ? 'retried' : reason] += 1;
      progress();
      if (signal.aborted) break;
      if (dryRun) continue;
      gathered.push(messageText({ schema_version: 1, type: 'reference', key } satisfies PictureReference));
      if (gathered.length >= sendSize) await send();
    }
    if (prune && !signal.aborted) await pruneLong();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    // What is under way has to end whatever happened; its own failure matters only when there is no other.
    await work.ended().catch(() => {});
  }
  if (!signal.aborted && gathered.length > 0) await send();
  await work.ended();
  progress();
  return { ...totals, interrupted: signal.aborted };

  async function send(): Promise<void> {
    if (sinceLook >= lookAfter) await room();
    if (signal.aborted) return;
    const bodies = gathered;
    gathered = [];
    sinceLook += bodies.length;
    await work.start(async () => {
      await queue.send(bodies);
      totals.sent += bodies.length;
      progress();
    });
  }

  async function room(): Promise<void> {
    let paused = false;
    for (;;) {
      const waiting = await options.waiting();
      if (waiting <= maxWaiting || signal.aborted) break;
      if (!paused) options.onPause?.(waiting);
      paused = true;
      await clock.sleep(lookAgainMs, signal);
    }
    sinceLook = 0;
    if (paused && !signal.aborted) options.onResume?.();
  }

  async function onOrphan(outcome: StoredObject, key: string): Promise<void> {
    if (signal.aborted) throw new Interrupted();
    if (totals.orphans === 0 && totals.seen === 0) await refuseToEmpty();
    totals.orphans += 1;
    progress();
    if (!dryRun) await work.start(() => deleteOrphan(outcome, key));
  }

  /** A wrong or emptied bucket must not take all results along. */
  async function refuseToEmpty(): Promise<void> {
    if (options.force || dryRun || prefix !== '') return;
    for await (const _ of input.list()) return;
    throw new ImageGptError(
      'nothing_to_keep',
      'the input bucket holds no picture at all, so --prune would delete every outcome of this model; add --force if that is meant',
    );
  }

  /** Only as it was listed, and only if its picture is not there after all: it may have come meanwhile. */
  async function deleteOrphan({ key: at, etag }: StoredObject, key: string): Promise<void> {
    if ((await input.head(key)) !== undefined) return;
    await output.delete(at, { ifMatch: etag });
    totals.pruned += 1;
    progress();
  }

  /** Outcomes of long keys are named by a hash, so each has to be read. */
  async function pruneLong(): Promise<void> {
    for await (const { key: at } of output.list({ prefix: longResultPrefix(model) })) {
      if (signal.aborted) return;
      await work.start(async () => {
        const read = await output.get(at);
        const key = read.status === 'found' ? parseOutcome(read.body)?.key : undefined;
        if (read.status !== 'found' || !key?.startsWith(prefix) || (await input.head(key)) !== undefined) return;
        totals.orphans += 1;
        if (!dryRun) await deleteOrphan(read.object, key);
      });
    }
  }
}

class Interrupted extends Error {}

interface BoundedWork {
  /** Starts `work`, waiting for a free place; rejects with the first failure of any. */
  start(work: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is under way; rejects with the first failure of any. */
  ended(): Promise<void>;
}

function createBoundedWork(limit: number): BoundedWork {
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;

  function check(): void {
    if (failure !== undefined) throw failure.error;
  }

  return {
    async start(work) {
      while (running.size >= limit) await Promise.race(running);
      check();
      const promise: Promise<void> = work()
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => running.delete(promise));
      running.add(promise);
    },
    async ended() {
      await Promise.all(running);
      check();
    },
  };
}
