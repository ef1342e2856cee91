import { z } from 'zod';
import { createSemaphore } from '../async/semaphore.ts';
import type { PipelineEvent, SummaryEvent } from '../contracts/event.ts';
import { readMessage } from '../contracts/message-text.ts';
import { tokensMessage } from '../contracts/tokens-message.ts';
import { uploadsMessage } from '../contracts/uploads-message.ts';
import { createQuantizer } from '../image-gpt/quantizer.ts';
import type { Clock } from '../ports/clock.ts';
import { errorCode, type FailureCode, ImageGptError, InstallationError } from '../ports/error.ts';
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
  /** Empty, bounded, and used by this run only. */
  uploads: Queue;
  /** Empty, bounded, and used by this run only. */
  tokens: Queue;
  events: EventSink<PipelineEvent>;
  decoder: PictureDecoder;
  model: Model;
  /** Hash of the model's preprocessing. */
  preprocessing: string;
  clock: Clock;
  /** Retry pictures with a failed outcome (default false). */
  retryFailed?: boolean;
  /** Read every outcome and compare its ETag instead of modification times (default false). */
  verify?: boolean;
  /** Larger files fail with `image_too_large` without being read (bytes; default 50 MB). */
  maxPictureBytes?: number;
  /** Pictures that are read and decoded at once (default 4). */
  decoding?: number;
  /** Pictures that the model holds at once: enough to fill the batches of all its threads twice (default 32). */
  predicting?: number;
  /** Continue after the first pass; each item says that the input may have changed. Default: end after one pass. */
  changes?: AsyncIterable<unknown> | undefined;
  /** Keys of pictures to process first. Only with `changes`, or the run may end before them. */
  urgent?: AsyncIterable<string> | undefined;
  /** Finishes what is in progress, and ends. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Called every 60 s in which no picture has ended although some wait. */
  onStall?: (stall: Stall) => void;
  /** Receives errors that are retried, and errors that became a failed outcome without being the picture's fault. */
  onError?: (error: unknown, key?: string) => void;
}

export interface Progress extends Counts {
  /** Pictures in the input; undefined until they are counted. */
  total: number | undefined;
}

export interface RunResult extends SummaryEvent {
  /** Failed outcomes by code. */
  failures: Partial<Record<FailureCode, number>>;
  /**
   * Pictures that could not be read, or whose outcome could not be stored or published, by the system's error code
   * (ENOSPC …). They count as failed but have no failed outcome, so the next run retries them.
   */
  unfinished: Record<string, number>;
  /** `signal` aborted, so pictures may be left. */
  interrupted: boolean;
}

/** The run had to stop, because it could no longer store outcomes or publish events. */
class RunError extends ImageGptError {}

/** Most pictures in a tokens message. Messages in memory cost little, so a few pictures per message are enough. */
const picturesPerMessage = 8;

/** Longest time that a picture waits for others to share its message (milliseconds). */
const packingWaitMs = 20;

/** After this many given-up messages in a row, without any picture that ended, the output is at fault. */
const maxGivenUp = 10;

/**
 * The whole pipeline on one machine: backfill, uploads queue, preprocess, tokens queue, infer, outcomes and events.
 *
 * Ends when every picture has a current outcome. Then, and when it is interrupted, it publishes the summary. `seen`
 * pictures have ended as succeeded, failed or skipped. Skipped pictures had a current outcome, were deleted before they
 * were read, or changed faster than they could be read. A picture in progress at an interruption is not counted. A
 * picture that cannot be read, or whose outcome cannot be stored, counts as failed, and the next run retries it. Queues
 * and stages are bounded, so memory does not grow with the number of pictures.
 *
 * @throws {RunError} when no outcome can be stored or no event published any more; {@link InstallationError} when the
 * decoder or the model does not start any more; what a listing throws
 */
export async function runPipeline(options: RunOptions): Promise<RunResult> {
  const { input, output, uploads, events, model, clock, signal } = options;
  const { onProgress, onStall = () => {}, onError = () => {} } = options;
  /** Aborts what has not begun. */
  const stop = new AbortController();
  /** Ends every loop: after `stop`, or when nothing is left to do. */
  const done = new AbortController();
  stop.signal.addEventListener('abort', () => done.abort(stop.signal.reason), { once: true });
  const interrupt = (): void => stop.abort(signal?.reason);
  signal?.addEventListener('abort', interrupt, { once: true });
  if (signal?.aborted) interrupt();

  let total: number | undefined;
  const stages = createStages(clock);
  const stalls = watchForStalls({ clock, stages, signal: done.signal, onStall });
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

  /** Errors of reading pictures. However many there are, they say nothing about the output. */
  const readErrors = new WeakSet<object>();
  const pictures: ObjectStore = {
    ...input,
    get: (...args) =>
      input.get(...args).catch((error: unknown) => {
        if (error instanceof Error) readErrors.add(error);
        throw error;
      }),
  };
  let givenUpInARow = 0;
  function giveUp(message: QueueMessage, error: unknown): void {
    for (const key of keysOf(message)) ledger.giveUp(key, systemCodeOf(error));
    if (error instanceof Error && readErrors.has(error)) return;
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
  const urgent = new Set<string>();
  const loops = [
    ...startConsumers({ ...options, input: pictures }, observer, {
      stop: stop.signal,
      done: done.signal,
      onError(error, message) {
        onError(error);
        if (!message?.lastReceive) return;
        // Every further picture would fail as well.
        if (error instanceof InstallationError) fail(error);
        else giveUp(message, error);
      },
    }),
    sendChangedAgain(ledger, uploads, done.signal),
    options.urgent && sendUrgent({ keys: options.urgent, ledger, uploads, begun: urgent, signal: done.signal }),
    onProgress && count(),
  ];
  const running = Promise.all(loops.map((loop) => loop?.catch(fail)));

  async function count(): Promise<void> {
    let counted = 0;
    for await (const _ of input.list()) {
      if (done.signal.aborted) return;
      counted += 1;
    }
    total = counted;
  }

  try {
    await feed({
      input,
      output,
      uploads,
      clock,
      model: model.id,
      ledger,
      stages,
      signal: stop.signal,
      retryFailed: options.retryFailed,
      verify: options.verify,
      changes: options.changes,
      urgent,
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

/** The two flows on their queues, until `done`. `stop` aborts what has not begun. */
function startConsumers(
  options: RunOptions,
  observer: FlowObserver,
  { stop, done, onError }: { stop: AbortSignal; done: AbortSignal; onError: ConsumerOptions['onError'] },
): Promise<void>[] {
  const { input, output, uploads, tokens, events, decoder, model, preprocessing, clock } = options;
  const { decoding = 4, predicting = 32, maxPictureBytes } = options;
  const ports: OutcomePorts = { input, output, events, clock, observer, confirmSource: true };
  const { palette } = model.preprocessing;
  const preprocess = createPreprocess({
    ...ports,
    model: model.id,
    decoder,
    quantize: createQuantizer(palette),
    colors: palette.length / 3,
    packer: createTokenPacker({
      queue: tokens,
      clock,
      preprocessing,
      maxPictures: picturesPerMessage,
      maxWaitMs: packingWaitMs,
      signal: stop,
    }),
    decoding: createSemaphore(decoding),
    maxPictureBytes,
  });
  const infer = createInfer({ ...ports, uploads, model, preprocessing, predicting: createSemaphore(predicting) });
  const retryDelayMs = (receiveCount: number): number => 250 * 2 ** (receiveCount - 1);
  const shared = { clock, signal: done, giveUp: stop, retryDelayMs, onError };
  return [
    consume({
      ...shared,
      queue: uploads,
      flow: createReceiveUploads({ preprocess }),
      // The pictures being decoded, those that wait for their message, and the next ones.
      concurrency: decoding + 2 * picturesPerMessage,
    }),
    consume({
      ...shared,
      queue: tokens,
      flow: infer,
      // One message more than the model holds, so that the model never waits for the queue.
      concurrency: Math.ceil(predicting / picturesPerMessage) + 1,
    }),
  ];
}

/** Keys of the pictures of a message of either queue. */
function keysOf({ body }: QueueMessage): string[] {
  const message = readMessage(body, z.union([uploadsMessage, tokensMessage]), 'an uploads or tokens message');
  return 'pictures' in message ? message.pictures.map(({ key }) => key) : [message.key];
}

/** The system's code of an error (its cause's code, else its own), or its message. */
function systemCodeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return errorCode(error.cause) ?? errorCode(error) ?? error.message;
}

function runError(unfinished: Record<string, number>, cause: unknown): RunError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const pictures = Object.values(unfinished).reduce((sum, n) => sum + n, 0);
  return new RunError(
    'cannot_go_on',
    `Expected to store outcomes and publish events, but ${maxGivenUp} messages in a row failed, and ${pictures} pictures have no outcome: ${why} Fix that and run again: only missing outcomes are computed.`,
    { cause },
  );
}
