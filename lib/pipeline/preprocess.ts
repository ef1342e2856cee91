import type { Semaphore } from '../async/semaphore.ts';
import type { Failure } from '../contracts/field-types.ts';
import { isFolderMarker, isOutcomeKey } from '../contracts/keys.ts';
import type { TokensPicture } from '../contracts/tokens-message.ts';
import type { Quantizer } from '../image-gpt/quantizer.ts';
import { packTokens } from '../image-gpt/token-packing.ts';
import { PictureError } from '../ports/error.ts';
import type { ReadResult } from '../ports/object-store.ts';
import type { PictureDecoder } from '../ports/picture-decoder.ts';
import { deliverOutcome, failedOutcome, type OutcomePorts } from './deliver-outcome.ts';
import type { TokenPacker } from './pack-tokens.ts';
import { removeOutcome } from './store-outcome.ts';
import { type Attempt, type Tried, tryPicture, tryReading } from './try-picture.ts';

/** Default size limit of a picture file (bytes). */
const defaultMaxPictureBytes = 50_000_000;

export interface PreprocessOptions extends OutcomePorts {
  /** Model id, for failed outcomes. */
  model: string;
  decoder: PictureDecoder;
  quantize: Quantizer;
  /** Colours of the palette, V. */
  colors: number;
  packer: TokenPacker;
  /** Bounds how many picture files are in memory. */
  decoding: Semaphore;
  /** Larger files fail with `image_too_large` without being read (bytes; default 50 MB). */
  maxPictureBytes?: number | undefined;
}

/** A picture in the input. */
export interface PictureToRead {
  key: string;
  /** Only this version counts. Absent: the current one. */
  etag?: string | undefined;
}

/**
 * Turns a picture into tokens. Resolves when the message that named the picture may be deleted, rejects when it must be
 * retried.
 */
export type Preprocess = (picture: PictureToRead, attempt: Attempt, signal?: AbortSignal) => Promise<void>;

type ReadPicture = Exclude<ReadResult, { status: 'not_found' | 'etag_mismatch' }>;

/**
 * The first flow: reads a picture and sends its tokens.
 *
 * Resolves when the tokens are in the tokens queue; when the picture is bad and its failed outcome is stored and
 * published; when the picture is gone, together with its outcome, or superseded; or when the key is that of an outcome.
 * Rejects when a store, a queue, the topic or the decoder fails. On the last receive, an error of the decoder becomes a
 * failed outcome instead.
 */
export function createPreprocess(options: PreprocessOptions): Preprocess {
  const { input, clock, observer, model, decoder, quantize, colors, packer, decoding } = options;
  const { maxPictureBytes = defaultMaxPictureBytes } = options;

  return async (picture, attempt, signal) => {
    const { key } = picture;
    if (isOutcomeKey(key)) return observer.ended({ end: 'gone', key, because: 'outcome' });
    const made = await decoding.run(() => tokensOf(picture, attempt, signal), signal);
    if (made === undefined) return;
    if ('failure' in made) return fail(key, made.etag, made.failure);
    // A redelivered picture may be poison, so its tokens get a message of their own.
    const alone = attempt.receiveCount > 1;
    await observer.stages.run('sending', key, () => packer.add(made.result, { alone }));
  };

  /** The tokens of a picture, or why it fails, with the version that was read; undefined when nothing is to be read. */
  async function tokensOf(
    picture: PictureToRead,
    attempt: Attempt,
    signal?: AbortSignal,
  ): Promise<(Tried<TokensPicture> & { etag: string | undefined }) | undefined> {
    const { key } = picture;
    const tried = await tryReading(() => readPicture(picture));
    if ('failure' in tried) return { ...tried, etag: picture.etag };
    const read = tried.result;
    if (read.status === 'not_found') {
      await gone(key);
      return undefined;
    }
    if (read.status === 'etag_mismatch') {
      observer.ended({ end: 'superseded', key });
      return undefined;
    }
    if (isFolderMarker(read.object)) {
      observer.ended({ end: 'gone', key });
      return undefined;
    }
    const caught = (error: unknown): void => observer.caught(key, error);
    const decoded = await tryPicture(() => decode(read), { attempt, signal, code: 'internal_error', caught });
    return { ...decoded, etag: read.object.etag };
  }

  function readPicture({ key, etag }: PictureToRead): Promise<ReadResult> {
    const limits = { ifMatch: etag, maxBytes: maxPictureBytes };
    return observer.stages.run('reading', key, () => input.get(key, limits));
  }

  /**
   * Ends a picture that does not exist. Its outcome is removed here too: an earlier delivery may have stored one and
   * failed before it checked the source. The notification of the removal may have been handled still earlier.
   */
  async function gone(key: string): Promise<void> {
    await observer.stages.run('storing', key, () => removeOutcome(options, model, key));
    observer.ended({ end: 'gone', key });
  }

  async function decode(read: ReadPicture): Promise<TokensPicture> {
    const { key, etag, size } = read.object;
    if (read.status === 'too_large') {
      throw new PictureError('image_too_large', `Expected at most ${maxPictureBytes} bytes, received ${size}.`);
    }
    const bytes = read.body.length;
    if (bytes === 0) throw new PictureError('empty_object', 'Expected a picture, received 0 bytes.');
    const { format, width, height, rgb } = await observer.stages.run('decoding', key, () => decoder.decode(read.body));
    const packed = packTokens(quantize(rgb), colors);
    return { key, etag, image: { format, width, height, bytes }, tokens: Buffer.from(packed).toString('base64') };
  }

  /** Ends a bad picture. `etag` is the version that was read or asked for; without one, the current version fails. */
  async function fail(key: string, etag: string | undefined, error: Failure): Promise<void> {
    const version = etag ?? (await observer.stages.run('reading', key, () => input.head(key)))?.etag;
    if (version === undefined) return gone(key);
    await deliverOutcome(options, failedOutcome(clock, { key, etag: version, model, error }));
  }
}
