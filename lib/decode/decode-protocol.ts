import { readSync, writevSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { z } from 'zod';
import { failureCode } from '../contracts/choices.ts';

/**
 * What goes between a decoder and its child over plain pipes: frames of two little-endian 32-bit lengths, JSON, raw
 * bytes. Not Node's own `advanced` serialisation: the child handles hostile data, and what it answers is parsed here
 * as strictly as anything that comes from outside.
 */
export interface Frame {
  /** Parsed JSON; whoever reads it checks it. */
  head: unknown;
  data: Uint8Array;
}

/** What a child is told once, as JSON in its one argument. */
export const childSettings = z.strictObject({
  recipe: z.strictObject({
    width: z.int().positive(),
    height: z.int().positive(),
    resample: z.literal([0, 1, 2, 3, 4, 5]),
    crop: z.enum(['none', 'short-224-center']),
  }),
  /** Longest file. */
  maxBytes: z.int().positive(),
  /** Pixels of the whole picture. */
  maxPixels: z.int().positive(),
  maxMemoryBytes: z.int().positive(),
  allowSvg: z.boolean(),
  scaledDecoding: z.boolean(),
});

export type ChildSettings = z.infer<typeof childSettings>;

/** First frame from the child: it can take pictures. */
export const readyHead = z.strictObject({ ready: z.literal(true) });

/** The child's answer to a picture; `data` of a success is rgb [height, width, 3] at the input resolution. */
export const answerHead = z.union([
  z.strictObject({ format: z.string(), width: z.int().positive(), height: z.int().positive() }),
  z.strictObject({ code: failureCode, message: z.string() }),
]);

const LENGTHS = 8;

/** Room for a frame's JSON beside its data, bytes. */
export const FRAME_OVERHEAD = 4096;

/** Writes a frame in one system call where the pipe has room; `data` is not copied. */
export function writeFrame(to: Writable, head: unknown, data: Uint8Array): void {
  to.cork();
  to.write(frameStart(head, data));
  to.write(data);
  to.uncork();
}

/** The same to a file descriptor, waiting until all of it is written. */
export function writeFrameSync(fd: number, head: unknown, data: Uint8Array): void {
  let rest: Uint8Array[] = [frameStart(head, data), data];
  while (rest.length > 0) rest = after(rest, writevSync(fd, rest));
}

/** What is left of `parts` after their first `bytes`. */
function after(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let done = bytes;
  return parts.flatMap((part) => {
    const skipped = Math.min(done, part.length);
    done -= skipped;
    return skipped < part.length ? [part.subarray(skipped)] : [];
  });
}

function frameStart(head: unknown, data: Uint8Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(head));
  const start = Buffer.alloc(LENGTHS + json.length);
  start.writeUInt32LE(json.length, 0);
  start.writeUInt32LE(data.length, 4);
  json.copy(start, LENGTHS);
  return start;
}

/**
 * Frames of a byte stream, until it ends; a frame that is cut off is dropped with the stream.
 *
 * @param maxBytes longest frame to accept, so that a broken peer cannot ask for 8 GB
 * @throws {RangeError} on a longer one
 */
export async function* readFrames(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Frame, void> {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);

  /** Fills `target`, or resolves to false when the stream ends before. */
  async function fill(target: Buffer): Promise<boolean> {
    let filled = 0;
    while (filled < target.length) {
      if (rest.length === 0) {
        const next = await chunks.next();
        if (next.done) return false;
        rest = next.value;
      }
      const part = rest.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
    }
    return true;
  }

  const lengths = Buffer.alloc(LENGTHS);
  while (await fill(lengths)) {
    // Its own memory, not Node's shared pool: the pixels outlive the frame.
    const body = Buffer.allocUnsafeSlow(bodyLength(lengths, maxBytes));
    if (!(await fill(body))) return;
    yield frame(lengths, body);
  }
}

/**
 * Reads frames from a file descriptor, waiting for each; undefined at its end. Otherwise as {@link readFrames}. All
 * frames come in the same memory, for new memory costs more than reading into it: `data` holds until the next is read.
 */
export function frameReader(fd: number, maxBytes: number): () => Frame | undefined {
  const lengths = Buffer.alloc(LENGTHS);
  let room = Buffer.alloc(0);
  return () => {
    if (!fillSync(fd, lengths)) return undefined;
    const length = bodyLength(lengths, maxBytes);
    if (room.length < length) room = Buffer.allocUnsafeSlow(length);
    const body = room.subarray(0, length);
    return fillSync(fd, body) ? frame(lengths, body) : undefined;
  };
}

function fillSync(fd: number, target: Buffer): boolean {
  for (let filled = 0; filled < target.length; ) {
    const read = readSync(fd, target, filled, target.length - filled, null);
    if (read === 0) return false;
    filled += read;
  }
  return true;
}

function bodyLength(lengths: Buffer, maxBytes: number): number {
  const total = lengths.readUInt32LE(0) + lengths.readUInt32LE(4);
  if (total > maxBytes) throw new RangeError(`Expected a frame of at most ${maxBytes} bytes, received ${total}.`);
  return total;
}

function frame(lengths: Buffer, body: Buffer): Frame {
  const split = lengths.readUInt32LE(0);
  return { head: JSON.parse(body.toString('utf8', 0, split)), data: body.subarray(split) };
}
