import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Failure } from '../contracts/field-types.ts';
import { moduleBeside } from '../files/module-beside.ts';
import type { Recipe } from '../image-gpt/recipe.ts';
import { InstallationError, PictureError, TransientError } from '../ports/error.ts';
import type { DecodedPicture, PictureDecoder } from '../ports/picture-decoder.ts';
import { ChildEndedError, type ChildHandle, startChild } from './child-handle.ts';

/** The settings of a decoder that a user can change. */
export interface DecodingSettings {
  /** Most child processes. One starts at once, the others when needed. */
  size: number;
  /** Largest file (bytes). */
  maxBytes: number;
  /** Pixels of a whole picture. */
  maxPixels: number;
  /** Time to decode one picture (milliseconds); after that, the child is killed and replaced. */
  timeoutMs: number;
  /** Render SVG drawings. They can take much time, and their text depends on the machine's fonts. */
  allowSvg: boolean;
  /**
   * Decode large JPEGs at 1/2, 1/4 or 1/8 of their size: a 12-megapixel one takes a third of the time. Not exact: it
   * skips detail that the recipe would average away. Measured on seven photographs: about 4 of 100 tokens change at
   * 32x32 (5 at 16x16, 1 with the crop recipe, up to 12 on a detailed painting), and nearly all pixels move by at most
   * one level. JPEGs below about 2,300 pixels on the short side gain little or nothing at 32x32.
   */
  scaledDecoding: boolean;
}

/** Default settings; `size` defaults to one child per available core. */
export const decoderDefaults = {
  maxBytes: 50_000_000,
  maxPixels: 100_000_000,
  timeoutMs: 10_000,
  allowSvg: false,
  scaledDecoding: false,
} as const;

type Optional<T> = { [K in keyof T]?: T[K] | undefined };

/** Every setting has a default: {@link decoderDefaults}. */
export interface DecoderOptions extends Optional<DecodingSettings> {
  /** Most pictures that may wait for a child (default 1,024). Any further one is refused with a TransientError. */
  maxWaiting?: number;
  /**
   * Memory of one child (bytes); {@link startChild} says how it is enforced. Default: the larger of 1 GiB (enough for
   * 100 megapixels) and 10 bytes for each of `maxPixels`.
   */
  maxMemoryBytes?: number | undefined;
  /** Path of decode-child.ts when the code was bundled. Default: the file next to this one. */
  childModule?: string | undefined;
}

/** A {@link PictureDecoder} that owns child processes. */
export interface Decoder extends PictureDecoder, AsyncDisposable {
  /** Kills the children and refuses waiting pictures. Resolves when no child is left. */
  close(): Promise<void>;
}

/** The decoder was closed. */
export class DecoderClosedError extends InstallationError {}

/** How many pictures to read and decode at once: two per child, so that no child waits for a file. */
export function decodingConcurrency({ size }: Pick<DecodingSettings, 'size'>): number {
  return 2 * size;
}

/**
 * Opens a decoder that handles untrusted bytes only in child processes. Pictures are decoded in order of arrival. A
 * child decodes many pictures; it is replaced when it crashes or takes too long. `decode` throws
 *
 * - {@link PictureError} with one of the codes empty_object, image_too_large, unsupported_format, corrupt_image,
 *   decode_timeout, decode_crashed (after a second attempt in a new child: something else may have killed the first)
 * - {@link TransientError} when too many pictures wait
 * - {@link DecoderStartError} when no child can be started, {@link DecoderClosedError} after `close`
 */
export function openDecoder(recipe: Recipe, options: DecoderOptions = {}): Decoder {
  const {
    size = availableParallelism(),
    maxWaiting = 1024,
    maxBytes = decoderDefaults.maxBytes,
    maxPixels = decoderDefaults.maxPixels,
    timeoutMs = decoderDefaults.timeoutMs,
    maxMemoryBytes = Math.max(1024 ** 3, maxPixels * 10),
    allowSvg = decoderDefaults.allowSvg,
    scaledDecoding = decoderDefaults.scaledDecoding,
    childModule = fileURLToPath(moduleBeside(import.meta.url, './decode-child')),
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
  // One child starts at once, while the caller opens the model.
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
    if (closed) throw new DecoderClosedError('decoder_closed', 'Expected an open decoder, but it was closed.');
  }

  async function waitForTurn(): Promise<void> {
    if (running < size) {
      running += 1;
      return;
    }
    if (waiting.length >= maxWaiting) {
      throw new TransientError(
        'decoder_busy',
        `Expected at most ${maxWaiting} pictures waiting to be decoded, received one more: try again later.`,
      );
    }
    // A picture that finishes hands its turn over, so `running` does not change.
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
      // A new child, because whatever killed the first one may have killed the idle ones too.
      return await decodeIn(start(), bytes);
    } catch (cause) {
      if (!(cause instanceof ChildEndedError)) throw cause;
      throw new PictureError('decode_crashed', 'The picture crashed the decoding process twice.', { cause });
    }
  }

  return {
    async decode(bytes) {
      checkOpen();
      if (bytes.length === 0) throw new PictureError('empty_object', 'Expected a picture, received no bytes.');
      if (bytes.length > maxBytes) {
        throw new PictureError('image_too_large', `Expected at most ${maxBytes} bytes, received ${bytes.length}.`);
      }
      await waitForTurn();
      try {
        return await decodeTwice(bytes);
      } finally {
        passTurn();
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };

  async function close(): Promise<void> {
    closed = true;
    await Promise.all([...children].map((child) => child.kill()));
  }
}
