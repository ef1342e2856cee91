import './node-version.ts';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { pMapIterable } from 'p-map';
import { createSemaphore } from '../async/semaphore.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { FailedOutcome, SucceededOutcome } from '../contracts/outcome.ts';
import { decoderDefaults, decodingConcurrency, openDecoder } from '../decode/decoder-pool.ts';
import { keepRange, keptTokens } from '../image-gpt/kept-tokens.ts';
import { createQuantizer } from '../image-gpt/quantizer.ts';
import { readPictureFile } from '../local/picture-files.ts';
import { type PredictedNumbers, predictedNumbers } from '../pipeline/prediction-outcome.ts';
import { ImageGptError, InstallationError, UsageError } from '../ports/error.ts';
import { complete } from '../runtime/complete.ts';
import { ModelError } from '../runtime/error.ts';
import { type LocalModel, openModel } from '../runtime/model.ts';
import { inPrecision } from '../runtime/precision.ts';
import { openOrImport } from './open-or-import.ts';
import type { CompletionOptions, ImageGptOptions } from './options.ts';

/** A picture: a path, a file URL, the bytes of a file (Uint8Array), or its tokens (Uint16Array [n]). */
export type PictureInput = string | URL | Uint8Array | Uint16Array;

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
  quantize(picture: string | URL | Uint8Array, options?: { signal?: AbortSignal | undefined }): Promise<Uint16Array>;
  /**
   * Keeps the first tokens of a picture and lets the model paint the rest: `count` arrays [n].
   *
   * @param tokens Uint16Array [n]
   * @throws {UsageError} when an option is out of range, or the model is a BERT model
   */
  complete(tokens: Uint16Array, options?: CompletionOptions): Promise<Uint16Array[]>;
  /** Waits for what is in progress, then ends threads and decoders. */
  close(): Promise<void>;
}

/**
 * Opens an Image GPT in threads of this process. Untrusted pictures are decoded in child processes.
 *
 * @param name `igpt-nano` (default), a directory in the Hugging Face or OpenAI layout, or a name on the Hugging Face hub
 * @throws {UsageError} when there is no such model
 * @throws {CheckpointError} when the model is damaged or unsupported
 * @throws {ThreadUnusableError} `provider_unavailable` when onnxruntime or its provider cannot be loaded
 */
export async function openImageGpt(name: string | URL = 'igpt-nano', options: ImageGptOptions = {}): Promise<ImageGpt> {
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
  const working = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  return {
    id: model.id,
    labels: model.labels,
    width,
    height,
    palette,
    predict: (picture, { signal } = {}) => work(() => predict(picture, signal)),
    predictAll: (pictures, { signal } = {}) => predictAll(pictures, signal),
    quantize: (picture, { signal } = {}) => work(async () => (await read(picture, signal)).tokens),
    complete: (tokens, completion = {}) => work(() => completeTokens(checkpoint, tokens, options, completion)),
    close,
    [Symbol.asyncDispose]: close,
  };

  /** Refuses work after `close`, and lets `close` wait for the work. */
  async function work<T>(begin: () => Promise<T>): Promise<T> {
    if (closing !== undefined) throw new ModelError('model_closed', `${model.id} is closed; open it again.`);
    const running = begin();
    working.add(running);
    try {
      return await running;
    } finally {
      working.delete(running);
    }
  }

  function close(): Promise<void> {
    closing ??= Promise.allSettled([...working]).then(async () => {
      await Promise.all([decoder.close(), model.close()]);
    });
    return closing;
  }

  async function read(picture: string | URL | Uint8Array, signal: AbortSignal | undefined) {
    return reading.run(async () => {
      const bytes = picture instanceof Uint8Array ? picture : await readFile(picture, maxBytes);
      const { rgb, format, ...shape } = await decoder.decode(bytes);
      const image = { format, width: shape.width, height: shape.height, bytes: bytes.length };
      return { image, tokens: tokensOf(rgb) };
    }, signal);
  }

  async function predict(picture: PictureInput, signal: AbortSignal | undefined): Promise<PredictedPicture> {
    signal?.throwIfAborted();
    const { image, tokens } =
      picture instanceof Uint16Array ? { image: null, tokens: picture } : await read(picture, signal);
    signal?.throwIfAborted();
    const prediction = await model.predict(tokens);
    return { status: 'succeeded', model: model.id, image, ...predictedNumbers(model, prediction) };
  }

  async function* predictAll<I extends PictureInput>(
    pictures: Iterable<I> | AsyncIterable<I>,
    signal: AbortSignal | undefined,
  ) {
    const concurrency = decodingConcurrency({ size }) + model.concurrency;
    for await (const result of pMapIterable(pictures, (input) => work(() => tryPredict(input, signal)), {
      concurrency,
    })) {
      signal?.throwIfAborted();
      yield result;
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

function readFile(picture: string | URL, maxBytes: number): Promise<Uint8Array> {
  const path = picture instanceof URL ? fileURLToPath(picture) : picture;
  return readPictureFile(path, { maxBytes, largerAdvice: 'raise the limit with maxBytes' });
}

/** @returns `count` arrays [n] */
async function completeTokens(
  checkpoint: Checkpoint,
  tokens: Uint16Array,
  { precision = 'f32', threads = availableParallelism() }: ImageGptOptions,
  { keep = 0.5, count = 8, signal, onProgress, ...sampling }: CompletionOptions,
): Promise<Uint16Array[]> {
  const { config, name } = checkpoint;
  const { n_positions: n, n_colors: colors } = config;
  signal?.throwIfAborted();
  if (config.objective === 'bert') {
    throw new UsageError(
      `expected an autoregressive model, received ${name}: a BERT model fills in masked tokens and cannot continue a picture`,
    );
  }
  if (precision === 'int8') {
    throw new UsageError('expected a model in f32, int8-block or f16 for completions; open it again in one of these');
  }
  if (tokens.length !== n) {
    throw new ModelError('tokens_invalid', `Expected the ${n} tokens of a picture, received ${tokens.length}.`);
  }
  const kept = keptTokens(keep, n);
  if (kept === undefined) throw new UsageError(`keep ${keep}: expected ${keepRange(n)}`);
  checkSampling(sampling, colors);
  if (!Number.isInteger(count) || count < 1) throw new UsageError(`count ${count}: expected a whole number from 1`);
  const precise = await inPrecision(checkpoint, precision);
  // [1, count, n]
  const completed = await complete(precise.checkpoint, tokens, {
    ...sampling,
    keep: kept,
    samples: count,
    threads,
    onProgress(sampled, total) {
      signal?.throwIfAborted();
      onProgress?.(sampled, total);
    },
  });
  return Array.from({ length: count }, (_, sample) => completed.slice(sample * n, (sample + 1) * n));
}

function checkSampling({ seed = 0, temperature = 1, topK = 0, topP = 1 }: CompletionOptions, colors: number): void {
  const wrong = [
    [Number.isInteger(seed) && seed >= 0 && seed <= 0xffff_ffff, `seed ${seed}: expected a whole number below 2^32`],
    [temperature >= 0 && Number.isFinite(temperature), `temperature ${temperature}: expected a number from 0`],
    [Number.isInteger(topK) && topK >= 0 && topK <= colors, `topK ${topK}: expected 0 (all) to ${colors}`],
    [topP > 0 && topP <= 1, `topP ${topP}: expected a number above 0, at most 1`],
  ] as const;
  for (const [right, message] of wrong) if (!right) throw new UsageError(message);
}
