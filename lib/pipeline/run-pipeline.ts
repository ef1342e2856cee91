import { z } from 'zod';
import { createSemaphore } from '../async/semaphore.ts';
import type { PipelineEvent, SummaryEvent } from '../contracts/event.ts';
import { readMessage } from '../contracts/message-text.ts';
import { tokensMessage } from '../contracts/tokens-message.ts';
import { uploadsMessage } from '../contracts/uploads-message.ts';
import { createQuantizer } from '../image-gpt/quantizer.ts';
import type { Clock } from '../ports/clock.ts';
import { type FailureCode, ImageGptError } from '../ports/error.ts';
import type { Model } from '../ports/model.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { PictureDecoder } from '../ports/picture-decoder.ts';
import type { EventSink, Queue, QueueMessage } from '../ports/queue.ts';
import { type ConsumerOptions, consume } from './consumer.ts';
import type { OutcomePorts } from './deliver-outcome.ts';
import { feed, sendChangedAgain, sendUrgent } from './feed.ts';
import { createInfer } from './infer.ts';
import { type Counts, createLedger } from './ledger.ts';
import { createStages, type FlowObserver } from './observer.ts';
import { createTokenPacker } from './pack-tokens.ts';
import { createPreprocess } from './preprocess.ts';
import { createReceiveUploads } from './receive-uploads.ts';
import { type Stall, watchForStalls } from './stall.ts';

export interface RunOptions {
  input: ObjectStore;
  output: ObjectStore;
  /** Empty, bounded, used by nobody else. */
  uploads: Queue;
  /** Empty, bounded, used by nobody else. */
  tokens: Queue;
  events: EventSink<PipelineEvent>;
  decoder: PictureDecoder;
  model: Model;
  /** Hash of the model's preprocessing. */
  preprocessing: string;
  clock: Clock;
  /** Only pictures whose keys begin with this. Default: all. */
  prefix?: string;
  /** Try again what failed before. Default false. */
  retryFailed?: boolean;
  /** Read every outcome and compare its ETag, instead of comparing times. Default false. */
  verify?: boolean;
  /** Larger files fail with `image_too_large`, unread. Default 50 MB. */
  maxPictureBytes?: number;
  /** Pictures read and decoded at once. Default 4. */
  decoding?: number;
  /** Pictures that the model holds at once: enough to fill the batches of all its workers, twice. Default 32. */
  predicting?: number;
  /** Go on after the first pass: each item says that the input may have changed. Default: end after one pass. */
  changes?: AsyncIterable<unknown>;
  /** Keys of pictures to take at once, wherever the listing is; with `changes`, or the run may end before them. */
  urgent?: AsyncIterable<string>;
  /** With `changes`: leave a picture that was modified less than this ago for later. Default 1000 ms. */
  settleMs?: number;
  /** Finishes what is in flight, and ends. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Nothing has finished for `stallMs`; told again after each further such time. */
  onStall?: (stall: Stall) => void;
  /** Default 60 s. */
  stallMs?: number;
  /** An error that is retried, or became a failed outcome without being the picture's fault. */
  onError?: (error: unknown, key?: string) => void;
}

export interface Progress extends Counts {
  /** Pictures in the input, when they are counted. */
  total: number | undefined;
}

export interface RunResult extends SummaryEvent {
  /** Failed pictures by code, without the unfinished ones. */
  failures: Partial<Record<FailureCode, number>>;
  /**
   * Failed pictures that could not be read, or whose outcome could not be stored or published, by the system's code of
   * the error (ENOSPC …). They have no failed outcome, so the next run takes them again.
   */
  unfinished: Record<string, number>;
  /** `signal` aborted: there may be more to do. */
  interrupted: boolean;
}

/** The run had to stop: nothing that it had to say could be stored or published any more. */
class RunError extends ImageGptError {}

/** Pictures in a tokens message. In memory a message costs nothing, so it only has to be worth a hand-over. */
const picturesPerMessage = 8;

/** Milliseconds that a picture waits for others to share its message. */
const packingWaitMs = 20;

/** Messages given up one after the other, with no picture ended in between, that mean it is not the pictures. */
const maxGivenUp = 10;

/**
 * The whole pipeline on one machine: backfill, uploads queue, preprocess, tokens queue, infer, outcomes and events.
 *
 * Ends when every picture without a current outcome has one and nothing is on its way. Then, and when it is
 * interrupted, it publishes the summary: `seen` pictures have ended, each in one of three ways; a picture that was on
 * its way at an interruption has not been seen. Skipped are the pictures that had a current outcome, that went away
 * before they were read, or that changed faster than they could be read. A picture that cannot be read, or whose outcome
 * cannot be stored, counts as failed, and the next run takes it again. Every queue and every stage is bounded, so memory does not grow
 * with the number of pictures.
 *
 * @throws {RunError} when no outcome can be stored or no event published any more; what a listing throws
 */
export async function runPipeline(options: RunOptions): Promise<RunResult> {
  const { input, output, uploads, events, model, clock, signal } = options;
  const { prefix = '', onProgress, onStall = () => {}, onError = () => {} } = options;
  /** Gives up what has not begun. */
  const stop = new AbortController();
  /** Ends every loop: nothing is left to do, or `stop`. */
  const done = new AbortController();
  stop.signal.addEventListener('abort', () => done.abort(stop.signal.reason), { once: true });
  const interrupt = (): void => stop.abort(signal?.reason);
  signal?.addEventListener('abort', interrupt, { once: true });
  if (signal?.aborted) interrupt();

  let total: number | undefined;
  const stages = createStages(clock);
  const stalls = watchForStalls({ clock, stages, stallMs: options.stallMs ?? 60_000, signal: done.signal, onStall });
  const ledger = createLedger(() => {
    stalls.moved();
    onProgress?.({ ...ledger.counts(), total });
  });

  let fatal: { error: unknown } | undefined;
  function fail(error: unknown): void {
    if (stop.signal.aborted) return;
    fatal = { error };
    stop.abort(error);
  }

  /** Errors of reading a picture: any number of them says nothing about the output. */
  const unread = new WeakSet<object>();
  const pictures: ObjectStore = {
    ...input,
    get: (...args) =>
      input.get(...args).catch((error: unknown) => {
        if (error instanceof Error) unread.add(error);
        throw error;
      }),
  };
  let givenUpInARow = 0;
  function giveUp(message: QueueMessage, error: unknown): void {
    for (const key of keysOf(message)) ledger.giveUp(key, reasonOf(error));
    if (error instanceof Error && unread.has(error)) return;
    givenUpInARow += 1;
    if (givenUpInARow >= maxGivenUp) fail(runError(ledger.givenUp(), error));
  }

  const observer: FlowObserver = {
    stages,
    ended(end) {
      givenUpInARow = 0;
      ledger.end(end);
    },
    hasEnded: (key) => !ledger.isPending(key),
    caught: (key, error) => onError(error, key),
  };
  const begun = new Set<string>();
  const loops = [
    ...consumers({ ...options, input: pictures }, observer, {
      stop: stop.signal,
      done: done.signal,
      onError(error, message) {
        onError(error);
        if (message?.lastReceive) giveUp(message, error);
      },
    }),
    sendChangedAgain(ledger, uploads, done.signal),
    options.urgent === undefined
      ? undefined
      : sendUrgent({ keys: options.urgent, ledger, uploads, begun, signal: done.signal }),
    onProgress === undefined ? undefined : count(),
  ];
  const running = Promise.all(loops.map((loop) => loop?.catch(fail)));

  async function count(): Promise<void> {
    let pictures = 0;
    for await (const _ of input.list({ prefix })) {
      if (done.signal.aborted) return;
      pictures += 1;
    }
    total = pictures;
  }

  try {
    await feed({
      ...{ input, output, uploads, clock, ledger, stages, prefix },
      model: model.id,
      signal: stop.signal,
      retryFailed: options.retryFailed ?? false,
      verify: options.verify ?? false,
      changes: options.changes,
      settleMs: options.settleMs ?? 1000,
      urgent: begun,
    });
    await ledger.idle(stop.signal);
  } catch (error) {
    fail(error);
  }
  done.abort();
  await running;
  signal?.removeEventListener('abort', interrupt);

  const { succeeded, failed, skipped } = ledger.counts();
  const summary: SummaryEvent = { type: 'summary', seen: succeeded + failed + skipped, succeeded, failed, skipped };
  try {
    await events.publish([summary]);
  } catch (error) {
    fatal ??= { error };
  }
  if (fatal !== undefined) throw fatal.error;
  return { ...summary, failures: ledger.failures(), unfinished: ledger.givenUp(), interrupted: stop.signal.aborted };
}

/** The two flows on their queues, until `done`; `stop` gives up what has not begun. */
function consumers(
  options: RunOptions,
  observer: FlowObserver,
  { stop, done, onError }: { stop: AbortSignal; done: AbortSignal; onError: ConsumerOptions['onError'] },
): Promise<void>[] {
  const { input, output, uploads, tokens, events, decoder, model, preprocessing, clock } = options;
  const { decoding = 4, predicting = 32, maxPictureBytes } = options;
  const ports: OutcomePorts = { input, output, events, clock, observer, confirmSource: true };
  const { palette } = model.preprocessing;
  const packing = { maxPictures: picturesPerMessage, maxWaitMs: packingWaitMs, signal: stop };
  const preprocess = createPreprocess({
    ...ports,
    model: model.id,
    decoder,
    quantize: createQuantizer(palette),
    colors: palette.length / 3,
    packer: createTokenPacker({ queue: tokens, clock, preprocessing, ...packing }),
    decoding: createSemaphore(decoding),
    maxPictureBytes,
  });
  const infer = createInfer({ ...ports, uploads, model, preprocessing, predicting: createSemaphore(predicting) });
  const retryDelayMs = (receiveCount: number): number => 250 * 2 ** (receiveCount - 1);
  const shared = { clock, signal: done, giveUp: stop, retryDelayMs, onError };
  return [
    // Besides the pictures being decoded there are those that wait for company in a message, and the next ones.
    consume({
      ...shared,
      queue: uploads,
      flow: createReceiveUploads({ preprocess }),
      concurrency: decoding + 2 * picturesPerMessage,
    }),
    // One message more than the model holds, so that it never waits for the queue.
    consume({ ...shared, queue: tokens, flow: infer, concurrency: Math.ceil(predicting / picturesPerMessage) + 1 }),
  ];
}

/** The pictures of a message of either queue. */
function keysOf({ body }: QueueMessage): string[] {
  const message = readMessage(body, z.union([uploadsMessage, tokensMessage]), 'a message of ours');
  return 'pictures' in message ? message.pictures.map(({ key }) => key) : [message.key];
}

/** What the system calls the error: the code of its cause, else its own. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error && 'code' in error.cause) return String(error.cause.code);
  return 'code' in error ? String(error.code) : error.message;
}

function runError(unfinished: Record<string, number>, cause: unknown): RunError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const pictures = Object.values(unfinished).reduce((sum, n) => sum + n, 0);
  return new RunError(
    'cannot_go_on',
    `Expected to store outcomes and publish events, but ${maxGivenUp} messages in a row failed, and ${pictures} pictures have no outcome: ${why} Mend that and run again: only what is missing is done.`,
    { cause },
  );
}
