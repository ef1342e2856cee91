import './node-version.ts';
import { availableParallelism } from 'node:os';
import { pMapIterable } from 'p-map';
import { createSemaphore } from '../async/semaphore.ts';
import { unlessAborted } from '../async/unless-aborted.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { FailedOutcome, SucceededOutcome } from '../contracts/outcome.ts';
import { decoderDefaults, decodingConcurrency, openDecoder } from '../decode/decoder-pool.ts';
import { createQuantizer } from '../image-gpt/quantizer.ts';
import { type PredictedNumbers, predictedNumbers } from '../pipeline/prediction-outcome.ts';
import { ImageGptError, InstallationError } from '../ports/error.ts';
import { ModelError } from '../runtime/error.ts';
import { type LocalModel, openModel } from '../runtime/model.ts';
import { checkOpening } from './check-options.ts';
import { completeTokens } from './complete-tokens.ts';
import { openOrImport } from './open-or-import.ts';
import type { CompletionOptions, ImageGptOptions } from './options.ts';
import { type PictureFile, type PictureInput, readPicture } from './picture-input.ts';

/** What a model says about a picture: the fields of an outcome. */
export interface PredictedPicture extends PredictedNumbers {
  status: 'succeeded';
  /** Id of the model. */
  model: string;
  /** Facts about the file; null if the picture was given as tokens. */
  image: SucceededOutcome['image'] | null;
}

/** A picture of `predictAll` that could not be predicted, and why. */
export type FailedPicture = Pick<FailedOutcome, 'status'> & { error: { code: string; message: string } };

/** An opened Image GPT. */
export interface ImageGpt extends AsyncDisposable {
  /** `<name>-<hash>`, as in outcomes. */
  readonly id: string;
  /** Class names; empty without a class head. */
  readonly labels: readonly string[];
  /** Input resolution (pixels); n is their product. */
  readonly width: number;
  readonly height: number;
  /** Colours of the palette [V, 3] in [-1, 1]: token t is row t. */
  readonly palette: Float32Array;
  /**
   * Predicts one picture, as an outcome has it.
   *
   * @throws {PictureError} when the picture is at fault; its `code` is that of a failed outcome
   * @throws {ImageGptError} `not_found`, `not_a_file`, `not_readable`; `tokens_invalid`, `model_closed`
   */
  predict(picture: PictureInput, options?: { signal?: AbortSignal | undefined }): Promise<PredictedPicture>;
  /**
   * Predicts many pictures on all cores with bounded memory, and yields one result for each in their order. A picture that
   * fails is a result with `status: 'failed'`.
   */
  predictAll<I extends PictureInput>(
    pictures: Iterable<I> | AsyncIterable<I>,
    options?: { signal?: AbortSignal | undefined },
  ): AsyncIterable<{ input: I } & (PredictedPicture | FailedPicture)>;
  /**
   * The colour tokens of a picture, Uint16Array [n], in raster order.
   *
   * @throws as {@link predict}
   */
  quantize(picture: PictureFile, options?: { signal?: AbortSignal | undefined }): Promise<Uint16Array>;
  /**
   * Keeps the first tokens of a picture and lets the model paint the rest: `count` arrays [n].
   *
   * @param tokens Uint16Array [n]
   * @throws {UsageError} when an option is unknown or out of range, or the model is a BERT model
   * @throws {ModelError} `tokens_invalid`, `model_closed`
   */
  complete(tokens: Uint16Array, options?: CompletionOptions): Promise<Uint16Array[]>;
  /** Waits for what is in progress, then ends threads and decoders. */
  close(): Promise<void>;
}

/**
 * Opens an Image GPT in threads of this process. Untrusted pictures are decoded in child processes.
 *
 * @param name `igpt-nano` (default), a directory in the Hugging Face or OpenAI layout, or a name on the Hugging Face hub
 * @throws {UsageError} when there is no such model, or an option is unknown or out of range
 * @throws {CheckpointError} when the model is damaged or unsupported
 * @throws {ThreadUnusableError} `provider_unavailable` when onnxruntime or its provider cannot be loaded
 */
export async function openImageGpt(name: string | URL = 'igpt-nano', options: ImageGptOptions = {}): Promise<ImageGpt> {
  checkOpening(options);
  const { signal } = options;
  signal?.throwIfAborted();
  const checkpoint = await openOrImport(name, options);
  signal?.throwIfAborted();
  const model = await openModel(checkpoint, options);
  const { aborted = false } = signal ?? {};
  if (aborted) await model.close();
  signal?.throwIfAborted();
  return imageGptOf(checkpoint, model, options);
}

function imageGptOf(checkpoint: Checkpoint, model: LocalModel, options: ImageGptOptions): ImageGpt {
  const { decoders: size = availableParallelism(), maxBytes = decoderDefaults.maxBytes } = options;
  const { maxPixels, decodeTimeoutMs: timeoutMs, allowSvg, scaledDecoding } = options;
  const { width, height, palette } = model.preprocessing;
  const decoder = openDecoder(model.preprocessing, {
    size,
    maxBytes,
    maxPixels,
    timeoutMs,
    allowSvg,
    scaledDecoding,
  });
  const tokensOf = createQuantizer(palette);
  const reading = createSemaphore(decodingConcurrency({ size }));
  const computing = createSemaphore(model.concurrency);
  // A completion takes all cores.
  const completing = createSemaphore(1);
  const working = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  return {
    id: model.id,
    labels: model.labels,
    width,
    height,
    palette,
    predict: (picture, { signal } = {}) => work(() => predict(picture, signal), signal),
    predictAll: (pictures, { signal } = {}) => predictAll(pictures, signal),
    quantize: (picture, { signal } = {}) => work(async () => (await read(picture, signal)).tokens, signal),
    complete: (tokens, completion = {}) =>
      work(
        () => completing.run(() => completeTokens(checkpoint, tokens, options, completion), completion.signal),
        completion.signal,
      ),
    close,
    [Symbol.asyncDispose]: close,
  };

  /** Refuses work after `close`, lets `close` wait for the work, and stops waiting for it when `signal` aborts. */
  async function work<T>(begin: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (closing !== undefined) throw new ModelError('model_closed', `${model.id} is closed; open it again.`);
    const running = begin().finally(() => working.delete(running));
    working.add(running);
    return unlessAborted(running, signal);
  }

  function close(): Promise<void> {
    closing ??= Promise.allSettled([...working]).then(async () => {
      await Promise.all([decoder.close(), model.close()]);
    });
    return closing;
  }

  async function read(picture: PictureFile, signal: AbortSignal | undefined) {
    return reading.run(async () => {
      const bytes = await readPicture(picture, maxBytes);
      const { rgb, format, ...shape } = await decoder.decode(bytes);
      const image = { format, width: shape.width, height: shape.height, bytes: bytes.length };
      return { image, tokens: tokensOf(rgb) };
    }, signal);
  }

  async function predict(picture: PictureInput, signal: AbortSignal | undefined): Promise<PredictedPicture> {
    const { image, tokens } =
      picture instanceof Uint16Array ? { image: null, tokens: picture } : await read(picture, signal);
    const prediction = await computing.run(() => model.predict(tokens), signal);
    return { status: 'succeeded', model: model.id, image, ...predictedNumbers(model, prediction) };
  }

  async function* predictAll<I extends PictureInput>(
    pictures: Iterable<I> | AsyncIterable<I>,
    signal: AbortSignal | undefined,
  ) {
    const concurrency = decodingConcurrency({ size }) + model.concurrency;
    const results = pMapIterable(pictures, (input) => work(() => tryPredict(input, signal), signal), { concurrency });
    const iterator = results[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await unlessAborted(iterator.next(), signal);
        if (next.done) return;
        yield next.value;
      }
    } finally {
      // Not awaited: it waits for the next of `pictures`, which may take forever.
      iterator.return?.().catch(() => {});
    }
  }

  async function tryPredict<I extends PictureInput>(input: I, signal: AbortSignal | undefined) {
    try {
      return { input, ...(await predict(input, signal)) };
    } catch (error) {
      if (!(error instanceof ImageGptError) || error instanceof InstallationError || signal?.aborted) throw error;
      const { code, message } = error;
      return { input, status: 'failed' as const, error: { code, message } };
    }
  }
}
