import type { Semaphore } from '../async/semaphore.ts';
import type { Failure } from '../contracts/failure.ts';
import { readMessage } from '../contracts/message-text.ts';
import type { TokensPicture } from '../contracts/tokens-message.ts';
import { type PictureReference, uploadsMessage } from '../contracts/uploads-message.ts';
import type { Quantizer } from '../image-gpt/quantizer.ts';
import { packTokens } from '../image-gpt/token-packing.ts';
import { PictureError } from '../ports/error.ts';
import type { ReadResult } from '../ports/object-store.ts';
import type { PictureDecoder } from '../ports/picture-decoder.ts';
import type { QueueMessage } from '../ports/queue.ts';
import type { Flow } from './consumer.ts';
import { deliverOutcome, failedOutcome, type OutcomePorts } from './deliver-outcome.ts';
import { removeOutcome } from './store-outcome.ts';
import type { TokenPacker } from './token-packer.ts';
import { type Tried, tryPicture, tryReading } from './try-picture.ts';

/** Largest picture file that is read unless an option says otherwise, bytes. */
const defaultMaxPictureBytes = 50_000_000;

export interface PreprocessOptions extends OutcomePorts {
  /** Model id, for failed outcomes. */
  model: string;
  decoder: PictureDecoder;
  quantize: Quantizer;
  /** Colours of the palette, V. */
  colors: number;
  packer: TokenPacker;
  /** Bounds the pictures whose files are in memory. */
  decoding: Semaphore;
  /** Larger files fail with `image_too_large`, unread. Default 50 MB. */
  maxPictureBytes?: number;
}

type ReadPicture = Exclude<ReadResult, { status: 'not_found' | 'etag_mismatch' }>;

/**
 * The first flow: a reference to a picture in, tokens out.
 *
 * Deleted: the tokens are in the tokens queue; or the picture is bad, and its failed outcome is stored and published;
 * or it is gone, and its outcome with it, or superseded. Retried: the world or the decoder failed; an error of the
 * decoder on the last permitted receive becomes a failed outcome too. Dead-lettered: a picture that cannot be read,
 * tokens that cannot be sent, an outcome that cannot be stored or published, and a body that is no uploads message
 * ({@link MessageError}).
 */
export function createPreprocess(options: PreprocessOptions): Flow {
  const { input, clock, observer, model, decoder, quantize, colors, packer, decoding } = options;
  const { maxPictureBytes = defaultMaxPictureBytes } = options;

  return async (message, signal) => {
    const reference = readMessage(message.body, uploadsMessage, 'an uploads message');
    const { key } = reference;
    const made = await decoding.run(() => tokensOf(reference, message, signal), signal);
    if (made === undefined) return;
    if ('failure' in made) return fail(key, made.etag, made.failure);
    // Whatever made an earlier delivery fail: this time it takes no neighbours with it.
    const alone = message.receiveCount > 1;
    await observer.stages.run('sending', key, () => packer.add(made.result, { alone }));
  };

  /** The tokens of a picture, or why it fails, with the version of it; undefined when there is nothing to read. */
  async function tokensOf(
    reference: PictureReference,
    message: QueueMessage,
    signal?: AbortSignal,
  ): Promise<(Tried<TokensPicture> & { etag: string | undefined }) | undefined> {
    const { key } = reference;
    const read = await tryReading(() => readPicture(reference));
    if ('failure' in read) return { ...read, etag: reference.etag };
    const { result: picture } = read;
    if (picture.status === 'not_found') {
      await gone(key);
      return undefined;
    }
    if (picture.status === 'etag_mismatch') {
      observer.ended({ end: 'superseded', key });
      return undefined;
    }
    const { etag, size } = picture.object;
    if (size === 0 && key.endsWith('/')) {
      observer.ended({ end: 'gone', key });
      return undefined;
    }
    const caught = (error: unknown): void => observer.caught(key, error);
    const tried = await tryPicture(() => decode(picture), { message, signal, code: 'internal_error', caught });
    return { ...tried, etag };
  }

  function readPicture({ key, etag }: PictureReference): Promise<ReadResult> {
    const condition = etag === undefined ? {} : { ifMatch: etag };
    return observer.stages.run('reading', key, () => input.get(key, { ...condition, maxBytes: maxPictureBytes }));
  }

  /**
   * Ends a picture that is not there. An earlier delivery may have stored an outcome, and failed before it could look
   * whether the picture was still there; by now the notification of the removal may have come and gone, too.
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

  /** Ends a bad picture. Its version is the one that was read, else the one that was asked for, else the current one. */
  async function fail(key: string, etag: string | undefined, error: Failure): Promise<void> {
    const version = etag ?? (await observer.stages.run('reading', key, () => input.head(key)))?.etag;
    if (version === undefined) return gone(key);
    await deliverOutcome(options, failedOutcome(clock, { key, etag: version, model, error }));
  }
}
