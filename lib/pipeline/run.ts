import type { PipelineEvent, SummaryEvent } from '../contracts/event.ts';
import type { FailureCode } from '../contracts/failure.ts';
import { ImageGptError } from '../image-gpt/error.ts';
import { createQuantizer } from '../image-gpt/nearest-color.ts';
import { consume } from './consumer.ts';
import type { OutcomePorts } from './deliver-outcome.ts';
import { feed, sendChangedAgain } from './feed.ts';
import { createInfer } from './infer.ts';
import { type Counts, createLedger } from './ledger.ts';
import type { Clock, EventSink, Model, ObjectStore, PictureDecoder, Queue, QueueMessage } from './ports.ts';
import { createPreprocess } from './preprocess.ts';
import { createSemaphore } from './semaphore.ts';
import { createStages } from './stages.ts';
import { type Stall, watchForStalls } from './stall.ts';
import { createTokenPacker } from './token-packer.ts';

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
  /** Larger files fail with `image_too_large`, unread. Default 50 MB. */
  maxPictureBytes?: number;
  /** Pictures read and decoded at once. Default 4. */
  decoding?: number;
  /** Pictures that the model holds at once: enough to fill the batches of all its workers, twice. Default 32. */
  predicting?: number;
  /** Go on after the first pass: each item says that the input may have changed. Default: end after one pass. */
  changes?: AsyncIterable<unknown>;
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
  /** Failed pictures by code. */
  failures: Partial<Record<FailureCode, number>>;
  /** `signal` aborted: there may be more to do. */
  interrupted: boolean;
}

/** The run had to stop: what it was about to say could not be stored or published, however often it tried. */
class RunError extends ImageGptError {}

/** Pictures in a tokens message. In memory a message costs nothing, so it only has to be worth a hand-over. */
const picturesPerMessage = 8;

/** Milliseconds that a picture waits for others to share its message. */
const packingWaitMs = 20;

/**
 * The whole pipeline on one machine: backfill, uploads queue, preprocess, tokens queue, infer, outcomes and events.
 *
 * Ends when every picture without a current outcome has one and nothing is on its way. Then, and when it is
 * interrupted, it publishes the summary: `seen` pictures have ended, each in one of three ways; a picture that was on
 * its way at an interruption has not been seen. Skipped are the pictures that had a current outcome, that went away
 * before they were read, or that changed faster than they could be read. Every queue and every stage is bounded, so
 * memory does not grow with the number of pictures.
 *
 * @throws {RunError} when outcomes cannot be stored or events cannot be published; what a listing throws
 */
export async function runPipeline(options: RunOptions): Promise<RunResult> {
  const { input, output, uploads, tokens, events, decoder, model, preprocessing, clock, signal } = options;
  const { prefix = '', decoding = 4, predicting = 32, onProgress, onStall, onError = () => {} } = options;
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
  const stalls = watchForStalls({
    clock,
    stages,
    stallMs: options.stallMs ?? 60_000,
    signal: done.signal,
    onStall: onStall ?? (() => {}),
  });
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

  const ports: OutcomePorts = {
    input,
    output,
    events,
    clock,
    observer: { stages, ended: ledger.end, caught: (key, error) => onError(error, key) },
    confirmSource: true,
  };
  const colors = model.preprocessing.palette.length / 3;
  const preprocess = createPreprocess({
    ...ports,
    model: model.id,
    decoder,
    quantize: createQuantizer(model.preprocessing.palette),
    colors,
    decoding: createSemaphore(decoding),
    packer: createTokenPacker({
      queue: tokens,
      clock,
      preprocessing,
      maxPictures: picturesPerMessage,
      maxWaitMs: packingWaitMs,
      signal: stop.signal,
    }),
    ...(options.maxPictureBytes === undefined ? {} : { maxPictureBytes: options.maxPictureBytes }),
  });
  const infer = createInfer({ ...ports, uploads, model, preprocessing, predicting: createSemaphore(predicting) });
  const consumer = {
    clock,
    signal: done.signal,
    giveUp: stop.signal,
    retryDelayMs: (receiveCount: number) => 250 * 2 ** (receiveCount - 1),
    onError(error: unknown, message?: QueueMessage) {
      onError(error);
      if (message?.lastReceive) fail(giveUpError(error));
    },
  };
  const loops = [
    // Besides the pictures being decoded there are those that wait for company in a message, and the next ones.
    consume({ ...consumer, queue: uploads, flow: preprocess, concurrency: decoding + 2 * picturesPerMessage }),
    // One message more than the model holds, so that it never waits for the queue.
    consume({
      ...consumer,
      queue: tokens,
      flow: infer,
      concurrency: Math.ceil(predicting / picturesPerMessage) + 1,
    }),
    sendChangedAgain(ledger, uploads, done.signal),
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
      changes: options.changes,
      settleMs: options.settleMs ?? 1000,
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
  await events.publish([summary]);
  if (fatal !== undefined) throw fatal.error;
  return { ...summary, failures: ledger.failures(), interrupted: stop.signal.aborted };
}

function giveUpError(cause: unknown): RunError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new RunError(
    'outcome_not_stored',
    `Expected to store an outcome and publish its event, but every attempt failed: ${why} Mend that and run again: only what is missing is done.`,
    { cause },
  );
}
