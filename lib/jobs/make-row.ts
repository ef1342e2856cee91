import type { Semaphore } from '../async/semaphore.ts';
import type { JobRow, ManifestPicture, RowErrorCode } from '../contracts/job.ts';
import type { Quantizer } from '../image-gpt/quantizer.ts';
import { labelledClasses, requireFinite } from '../pipeline/prediction-outcome.ts';
import { tryReading } from '../pipeline/try-picture.ts';
import type { Clock } from '../ports/clock.ts';
import { PictureError, TransientError } from '../ports/error.ts';
import type { Model, Prediction } from '../ports/model.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { PictureDecoder } from '../ports/picture-decoder.ts';
import { JobError } from './stored-json.ts';

export interface RowOptions {
  input: ObjectStore;
  decoder: PictureDecoder;
  quantize: Quantizer;
  model: Model;
  clock: Clock;
  /** Larger files fail with `image_too_large`, unread. */
  maxPictureBytes: number;
  /** Bounds the pictures whose files are in memory. */
  reading: Semaphore;
  /** Bounds the pictures that the model holds at once. */
  predicting: Semaphore;
  /** An attempt failed without being the picture's fault. */
  onError: (error: unknown, key: string) => void;
}

/** A row, and whether it failed because decoding or predicting did, five times, without being the picture's fault. */
export interface MadeRow {
  row: JobRow;
  worldFailed: boolean;
}

/** As many as messages of the queues get. */
const attempts = 5;

const firstPauseMs = 250;

/** What was learnt of a picture before the model saw it. */
type Read =
  | { facts: Partial<JobRow>; tokens: Uint16Array }
  | { facts: Partial<JobRow>; error: RowErrorCode; worldFailed?: boolean };

/**
 * Makes the row of a picture: read, decoded, tokenised, predicted. What is wrong with the picture becomes an error code.
 * What may pass is tried again, five times in all. Then an error of the decoder becomes `internal_error`, and one of the
 * model `inference_failed`; one of the store is not the picture's fault, and thrown, as is everything else.
 *
 * @throws {JobError} `cannot_go_on` when a picture cannot be read
 */
export function createRowMaker(options: RowOptions) {
  const { input, decoder, quantize, model, reading, predicting, maxPictureBytes } = options;

  return async (picture: ManifestPicture, signal: AbortSignal): Promise<MadeRow> => {
    const { key } = picture;
    const read = await reading.run(() => readTokens(picture, signal), signal);
    const base = { ...emptyRow(picture), ...read.facts };
    if ('error' in read) {
      return { row: { ...base, error_code: read.error }, worldFailed: read.worldFailed ?? false };
    }
    try {
      const predict = () => attempt(key, signal, () => model.predict(read.tokens));
      return { row: { ...base, ...predicted(await predicting.run(predict, signal)) }, worldFailed: false };
    } catch (error) {
      if (error instanceof PictureError) return { row: { ...base, error_code: error.code }, worldFailed: false };
      if (!(error instanceof TransientError) || signal.aborted) throw error;
      return { row: { ...base, error_code: 'inference_failed' }, worldFailed: true };
    }
  };

  async function readTokens({ key, etag }: ManifestPicture, signal: AbortSignal): Promise<Read> {
    const condition = etag === null ? {} : { ifMatch: etag };
    const get = () => input.get(key, { ...condition, maxBytes: maxPictureBytes });
    const tried = await tryReading(() => attempt(key, signal, get)).catch((error: unknown) => {
      throw error instanceof TransientError && !signal.aborted ? unreadable(key, error) : error;
    });
    if ('failure' in tried) return { facts: {}, error: tried.failure.code };
    const { result: read } = tried;
    if (read.status === 'not_found') return { facts: {}, error: 'not_found' };
    if (read.status === 'etag_mismatch') return { facts: {}, error: 'changed' };
    const facts = { etag: read.object.etag };
    if (read.status === 'too_large') return { facts, error: 'image_too_large' };
    if (read.body.length === 0) return { facts, error: 'empty_object' };
    try {
      const { width, height, rgb } = await attempt(key, signal, () => decoder.decode(read.body));
      return { facts: { ...facts, width, height }, tokens: quantize(rgb) };
    } catch (error) {
      if (error instanceof PictureError) return { facts, error: error.code };
      if (!(error instanceof TransientError) || signal.aborted) throw error;
      return { facts, error: 'internal_error', worldFailed: true };
    }
  }

  async function attempt<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let i = 1; ; i += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        options.onError(error, key);
        if (i === attempts || signal.aborted) throw error;
        await options.clock.sleep(firstPauseMs * 2 ** (i - 1), signal);
      }
    }
  }

  /** @throws {PictureError} `inference_failed` when a number is not finite */
  function predicted({ classLogits, features, nats }: Prediction): Partial<JobRow> {
    const top5 = classLogits === undefined ? null : labelledClasses(classLogits, model.labels, 5);
    features?.forEach(requireFinite);
    return {
      label: top5?.[0]?.label ?? null,
      probability: top5?.[0]?.probability ?? null,
      top5,
      features: features ?? null,
      nats_per_token: nats === undefined ? null : requireFinite(nats),
    };
  }
}

function unreadable(key: string, cause: TransientError): JobError {
  return new JobError(
    'cannot_go_on',
    `Expected to read ${JSON.stringify(key)}, but ${attempts} attempts failed: ${cause.message} Mend that, or take the picture away, and run again: finished shards stay.`,
    { cause },
  );
}

function emptyRow({ key, etag }: ManifestPicture): JobRow {
  return {
    ...{ key, etag, width: null, height: null, label: null, probability: null, top5: null, features: null },
    ...{ nats_per_token: null, error_code: null },
  };
}
