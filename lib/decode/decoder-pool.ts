import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Failure } from '../contracts/failure.ts';
import type { Recipe } from '../image-gpt/recipe.ts';
import { ImageGptError, PictureError, TransientError } from '../ports/error.ts';
import type { DecodedPicture, PictureDecoder } from '../ports/picture-decoder.ts';
import { ChildEndedError, type ChildHandle, startChild } from './child-handle.ts';

export interface DecoderOptions {
  /** Child processes at most: one starts at once, the others when needed. Default: one per available core. */
  size?: number;
  /** Pictures that may wait for a child; one more is refused with a TransientError. Default: 1,024. */
  maxWaiting?: number;
  /** Longest file, bytes. Default: 50 MB. */
  maxBytes?: number;
  /** Pixels of a whole picture. Default: 100 million. */
  maxPixels?: number;
  /** Time to decode one picture, milliseconds; the child is then killed and replaced. Default: 10 s. */
  timeoutMs?: number;
  /**
   * Memory of one child, bytes; see {@link startChild} for how it is held. Default: 1 GiB, enough for 100 megapixels,
   * or 10 bytes for each of `maxPixels` where that is more.
   */
  maxMemoryBytes?: number;
  /** Render SVG drawings; they can cost much time and their text depends on the machine's fonts. Default: refused. */
  allowSvg?: boolean;
  /**
   * Decode large JPEGs at 1/2, 1/4 or 1/8 of their size, which leaves out detail that the recipe would average away:
   * a 12-megapixel one in a third of the time. Not exact. On seven photographs about 4 of 100 tokens changed at 32x32
   * (5 at 16x16; up to 12 on a painting full of detail), with the crop recipe 1 of 100; nearly all pixels moved by one
   * level. JPEGs under about 2,300 pixels on the short side gain little or nothing at 32x32. Default: false.
   */
  scaledDecoding?: boolean;
  /** Path of decode-child.ts where the code was bundled. Default: the file beside this one. */
  childModule?: string;
}

/** A {@link PictureDecoder} that owns child processes. */
export interface Decoder extends PictureDecoder {
  /** Kills the children; pictures that still wait are refused. Resolves when no child is left. */
  close(): Promise<void>;
}

/** The decoder was closed. */
export class DecoderClosedError extends ImageGptError {}

/**
 * Opens a decoder that runs untrusted bytes only in child processes. Pictures are taken in order; a child is kept
 * between pictures, and one that crashes or takes too long is replaced. `decode` throws
 *
 * - {@link PictureError} with one of the codes empty_object, image_too_large, unsupported_format, corrupt_image,
 *   decode_timeout, decode_crashed (after a second try in a fresh child: the first may have been killed from outside)
 * - {@link TransientError} when too many pictures wait
 * - {@link DecoderStartError} when no child can be started, {@link DecoderClosedError} after `close`
 */
export function openDecoder(recipe: Recipe, options: DecoderOptions = {}): Decoder {
  const {
    size = availableParallelism(),
    maxWaiting = 1024,
    maxBytes = 50_000_000,
    maxPixels = 100_000_000,
    timeoutMs = 10_000,
    maxMemoryBytes = Math.max(1024 ** 3, maxPixels * 10),
    allowSvg = false,
    scaledDecoding = false,
    childModule = fileURLToPath(new URL('./decode-child.ts', import.meta.url)),
  } = options;
  const { width, height, resample, crop } = recipe;
  const settings = {
    recipe: { width, height, resample, crop },
    maxBytes,
    maxPixels,
    maxMemoryBytes,
    allowSvg,
    scaledDecoding,
  };
  const children = new Set<ChildHandle>();
  // One comes up at once, while its owner opens whatever else it needs.
  const idle: ChildHandle[] = [start()];
  const waiting: (() => void)[] = [];
  let running = 0;
  let closed = false;

  function start(): ChildHandle {
    const child = startChild(settings, childModule);
    children.add(child);
    return child;
  }

  function checkOpen(): void {
    if (closed) throw new DecoderClosedError('decoder_closed', 'Expected an open decoder, it was closed.');
  }

  async function takeTurn(): Promise<void> {
    if (running < size) {
      running += 1;
      return;
    }
    if (waiting.length >= maxWaiting) {
      throw new TransientError(
        'decoder_busy',
        `Expected at most ${maxWaiting} pictures waiting for decoding, received one more: try again later.`,
      );
    }
    // Whoever finishes hands its turn over, so `running` stays as it is.
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function passTurn(): void {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }

  async function decodeIn(child: ChildHandle, bytes: Uint8Array): Promise<DecodedPicture> {
    let answer: DecodedPicture | Failure;
    try {
      answer = await child.decode(bytes, timeoutMs);
    } catch (error) {
      children.delete(child);
      checkOpen();
      throw error;
    }
    idle.push(child);
    if ('code' in answer) throw new PictureError(answer.code, answer.message);
    return answer;
  }

  async function decodeTwice(bytes: Uint8Array): Promise<DecodedPicture> {
    try {
      checkOpen();
      return await decodeIn(idle.pop() ?? start(), bytes);
    } catch (error) {
      if (!(error instanceof ChildEndedError)) throw error;
    }
    try {
      // Not an idle one: whatever ended the first child may have ended those too.
      return await decodeIn(start(), bytes);
    } catch (cause) {
      if (!(cause instanceof ChildEndedError)) throw cause;
      throw new PictureError('decode_crashed', 'The picture ended the decoding process twice.', { cause });
    }
  }

  return {
    async decode(bytes) {
      checkOpen();
      if (bytes.length === 0) throw new PictureError('empty_object', 'Expected a picture, received no bytes.');
      if (bytes.length > maxBytes) {
        throw new PictureError('image_too_large', `Expected at most ${maxBytes} bytes, received ${bytes.length}.`);
      }
      await takeTurn();
      try {
        return await decodeTwice(bytes);
      } finally {
        passTurn();
      }
    },
    async close() {
      closed = true;
      await Promise.all([...children].map((child) => child.kill()));
    },
  };
}
