import type { Semaphore } from '../async/semaphore.ts';
import type { JobRow, ManifestPicture, RowErrorCode } from '../contracts/job.ts';
import type { Quantizer } from '../image-gpt/quantizer.ts';
import { labelledClasses, requireFinite } from '../pipeline/prediction-outcome.ts';
import { tryReading } from '../pipeline/try-picture.ts';
import type { Clock } from '../ports/clock.ts';
import { AccessDeniedError, PictureError, TransientError } from '../ports/error.ts';
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
  /** Larger files fail with `image_too_large` and are not read. */
  maxPictureBytes: number;
  /** Limits the pictures whose files are in memory. */
  reading: Semaphore;
  /** Limits the pictures that the model works on at once. */
  predicting: Semaphore;
  /** An attempt failed, and the picture is not at fault. */
  onError: (error: unknown, key: string) => void;
}

export interface MadeRow {
  row: JobRow;
  /** The decoder or the model failed in all attempts, and the picture is not at fault. */
  systemFailed: boolean;
}

/** Attempts for each step of a picture: as many as a message is received before it is dead-lettered. */
export const attempts = 5;

/** Pause before the second attempt (milliseconds); it doubles for each further one. */
const firstPauseMs = 250;

/** What is known of a picture before the model predicts it. */
type PreparedPicture =
  | { facts: Partial<JobRow>; tokens: Uint16Array }
  | { facts: Partial<JobRow>; error: RowErrorCode; systemFailed?: boolean };

/**
 * Makes the row of a picture: reads, decodes, tokenises and predicts it. An error of the picture becomes its error
 * code. A transient error is retried. If all attempts fail, an error of the decoder becomes `internal_error` and an
 * error of the model becomes `inference_failed`. An object that the store still denies becomes `access_denied`: without a
 * row for it, the job could not end. Other errors of the store, and unexpected errors, are thrown.
 *
 * @throws {JobError} `cannot_go_on` when a picture cannot be read from the store
 */
export function createRowMaker(options: RowOptions) {
  const { input, decoder, quantize, model, reading, predicting, maxPictureBytes } = options;

  return async (picture: ManifestPicture, signal: AbortSignal): Promise<MadeRow> => {
    const { key } = picture;
    const read = await reading.run(() => readTokens(picture, signal), signal);
    const base = { ...emptyRow(picture), ...read.facts };
    if ('error' in read) {
      return { row: { ...base, error_code: read.error }, systemFailed: read.systemFailed ?? false };
    }
    try {
      const predict = () => attempt(key, signal, () => model.predict(read.tokens));
      return { row: { ...base, ...predicted(await predicting.run(predict, signal)) }, systemFailed: false };
    } catch (error) {
      if (error instanceof PictureError) return { row: { ...base, error_code: error.code }, systemFailed: false };
      if (!(error instanceof TransientError) || signal.aborted) throw error;
      return { row: { ...base, error_code: 'inference_failed' }, systemFailed: true };
    }
  };

  async function readTokens({ key, etag }: ManifestPicture, signal: AbortSignal): Promise<PreparedPicture> {
    const get = () => input.get(key, { ifMatch: etag ?? undefined, maxBytes: maxPictureBytes });
    const tried = await tryReading(() => attempt(key, signal, get)).catch((error: unknown) => {
      if (!(error instanceof TransientError) || signal.aborted) throw error;
      if (error instanceof AccessDeniedError) return denied;
      throw unreadable(key, error);
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
      return { facts, error: 'internal_error', systemFailed: true };
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

  /** @throws {PictureError} `inference_failed` when an output is not finite */
  function predicted({ classLogits, features, nats }: Prediction): Partial<JobRow> {
    const top5 = classLogits === undefined ? null : labelledClasses(classLogits, model, 5);
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

/** What {@link tryReading} gives for an object that is denied in all attempts. */
const denied = { failure: { code: 'access_denied' } } as const;

function unreadable(key: string, cause: TransientError): JobError {
  return new JobError(
    'cannot_go_on',
    `Expected to read ${JSON.stringify(key)}, but ${attempts} attempts failed: ${cause.message} Fix that or remove the picture, then run again: complete shards stay.`,
    { cause },
  );
}

function emptyRow({ key, etag }: ManifestPicture): JobRow {
  return {
    key,
    etag,
    width: null,
    height: null,
    label: null,
    probability: null,
    top5: null,
    features: null,
    nats_per_token: null,
    error_code: null,
  };
}
