import { longResultPrefix } from '../contracts/keys.ts';
import { maxChunkMessages } from '../contracts/limits.ts';
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
  /** The queue that receives the references. */
  queue: Queue;
  clock: Clock;
  /** Count, but send and delete nothing. */
  dryRun: boolean;
  /** Delete outcomes whose pictures are gone. */
  prune: boolean;
  /** Prune even when there is no picture at all. */
  force: boolean;
  /** Counts the pictures that already wait for the same workers. */
  waiting: () => Promise<number>;
  /** Sending pauses while more pictures wait. */
  maxWaiting: number;
  /** Ends the backfill after the sends in progress. A new backfill continues from there. */
  signal: AbortSignal;
  onProgress?: (totals: BackfillTotals) => void;
  /** Sending has paused, because too many pictures wait. */
  onPause?: (waiting: number) => void;
  onResume?: () => void;
}

export interface BackfillTotals {
  /** Pictures that were examined: the sum of the next five. */
  seen: number;
  /** With a current outcome. */
  current: number;
  /** Without an outcome. */
  missing: number;
  /** With an outcome of another version of the picture. */
  stale: number;
  /** With an outcome that cannot be parsed. */
  damaged: number;
  /** With a failed outcome, to be retried. */
  retried: number;
  /** Current outcomes that are failed, among those that were read. */
  failed: number;
  /** References that were sent. */
  sent: number;
  /** Outcomes whose pictures are gone. */
  orphans: number;
  /** Orphans that were deleted. */
  pruned: number;
}

export interface BackfillResult extends BackfillTotals {
  /** `signal` aborted, so pictures may be left. */
  interrupted: boolean;
}

/** References in one send (SQS's maximum). */
const sendSize = maxChunkMessages;

/** Sends and deletions in progress at once. */
const concurrency = 16;

/** Outcomes that are read at once. One read of S3 takes about 30 ms. */
const lookups = 64;

/** After this many sent references, the waiting pictures are counted again. */
const countAfter = 2000;

/** Interval between two counts of the waiting pictures during a pause (milliseconds). */
const pauseMs = 10_000;

/**
 * Sends a reference for every picture without a current outcome, in constant memory. A reference has no ETag, so it
 * names the version that is current when it is read.
 *
 * @throws {ImageGptError} `nothing_to_keep` when pruning would delete every outcome; what the ports throw
 */
export async function sendBackfill(options: SendBackfillOptions): Promise<BackfillResult> {
  const { input, output, model, prefix, queue, clock, dryRun, prune, signal, maxWaiting } = options;
  const totals: BackfillTotals = {
    seen: 0,
    current: 0,
    missing: 0,
    stale: 0,
    damaged: 0,
    retried: 0,
    failed: 0,
    sent: 0,
    orphans: 0,
    pruned: 0,
  };
  const work = createBoundedWork(concurrency);
  let gathered: string[] = [];
  let sinceCount = Number.POSITIVE_INFINITY;
  const progress = (): void => options.onProgress?.(totals);

  const pictures = backfill({
    input,
    output,
    model,
    prefix,
    lookups,
    retryFailed: options.retryFailed,
    verify: options.verify,
    onCurrent(_, outcome) {
      // The loop below cannot end the backfill while it yields nothing.
      if (signal.aborted) throw new Interrupted();
      totals.seen += 1;
      totals.current += 1;
      if (outcome?.status === 'failed') totals.failed += 1;
      progress();
    },
    onOrphan: prune ? onOrphan : undefined,
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
    // Wait for the work in progress. Its failure is reported below, unless there is another one already.
    await work.ended().catch(() => {});
  }
  if (!signal.aborted && gathered.length > 0) await send();
  await work.ended();
  progress();
  return { ...totals, interrupted: signal.aborted };

  async function send(): Promise<void> {
    if (sinceCount >= countAfter) await waitForRoom();
    if (signal.aborted) return;
    const bodies = gathered;
    gathered = [];
    sinceCount += bodies.length;
    await work.start(async () => {
      await queue.send(bodies);
      totals.sent += bodies.length;
      progress();
    });
  }

  async function waitForRoom(): Promise<void> {
    let paused = false;
    for (;;) {
      const waiting = await options.waiting();
      if (waiting <= maxWaiting || signal.aborted) break;
      if (!paused) options.onPause?.(waiting);
      paused = true;
      await clock.sleep(pauseMs, signal);
    }
    sinceCount = 0;
    if (paused && !signal.aborted) options.onResume?.();
  }

  async function onOrphan(outcome: StoredObject, key: string): Promise<void> {
    if (signal.aborted) throw new Interrupted();
    if (totals.orphans === 0 && totals.seen === 0) await refuseToEmpty();
    totals.orphans += 1;
    progress();
    if (!dryRun) await work.start(() => deleteOrphan(outcome, key));
  }

  /** A wrong or emptied input bucket must not delete every outcome. */
  async function refuseToEmpty(): Promise<void> {
    if (options.force || dryRun || prefix !== '') return;
    for await (const _ of input.list()) return;
    throw new ImageGptError(
      'nothing_to_keep',
      'the input bucket holds no picture, so --prune would delete every outcome of this model; add --force to do that',
    );
  }

  /**
   * The picture may have been uploaded since the listing. So only the listed outcome of a missing picture is deleted.
   */
  async function deleteOrphan({ key: at, etag }: StoredObject, key: string): Promise<void> {
    if ((await input.head(key)) !== undefined) return;
    await output.delete(at, { ifMatch: etag });
    totals.pruned += 1;
    progress();
  }

  /** Outcomes of long keys are named by a hash, so each must be read. */
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

/** Ends the listing after `signal` has aborted. */
class Interrupted extends Error {}

interface BoundedWork {
  /** Waits for a free place and starts `work`. Rejects with the first failure of any work. */
  start(work: () => Promise<void>): Promise<void>;
  /** Resolves when no work is in progress. Rejects with the first failure of any work. */
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
