import { readSync, writevSync } from 'node:fs';
import type { Writable } from 'node:stream';
import type { DecodeSettings } from './decode-picture.ts';

/**
 * A message between a decoder and its child over a plain pipe: two little-endian 32-bit lengths, JSON, raw bytes. We do
 * not use Node's own serialisation, because the child handles hostile data: its answers are validated like any other
 * untrusted input.
 */
export interface Frame {
  /** Parsed JSON, not yet validated. */
  head: unknown;
  data: Uint8Array;
}

/** What a child receives at its start, as JSON in its only argument. */
export interface ChildSettings extends DecodeSettings {
  /** Largest file (bytes). */
  maxBytes: number;
  maxMemoryBytes: number;
}

/** Size of the two lengths (bytes). */
const lengthBytes = 8;

/** Room for a frame's JSON (bytes). */
export const frameOverhead = 4096;

/** Writes a frame in one system call if the pipe has room, without copying `data`. */
export function writeFrame(to: Writable, head: unknown, data: Uint8Array): void {
  to.cork();
  to.write(frameStart(head, data));
  to.write(data);
  to.uncork();
}

/** Writes a frame to a file descriptor. Blocks until everything is written. */
export function writeFrameSync(fd: number, head: unknown, data: Uint8Array): void {
  let rest: Uint8Array[] = [frameStart(head, data), data];
  while (rest.length > 0) rest = withoutFirst(rest, writevSync(fd, rest));
}

/** `parts` without their first `bytes` bytes. */
function withoutFirst(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let done = bytes;
  return parts.flatMap((part) => {
    const skipped = Math.min(done, part.length);
    done -= skipped;
    return skipped < part.length ? [part.subarray(skipped)] : [];
  });
}

function frameStart(head: unknown, data: Uint8Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(head));
  const start = Buffer.alloc(lengthBytes + json.length);
  start.writeUInt32LE(json.length, 0);
  start.writeUInt32LE(data.length, 4);
  json.copy(start, lengthBytes);
  return start;
}

/**
 * Frames of a byte stream until it ends. An incomplete last frame is dropped.
 *
 * @param maxBytes largest frame to accept, so that a broken peer cannot make us allocate 8 GB
 * @throws {RangeError} on a larger frame
 */
export async function* readFrames(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Frame, void> {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);

  /** Fills `target`; false when the stream ends before it is full. */
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

  const lengths = Buffer.alloc(lengthBytes);
  while (await fill(lengths)) {
    // Memory of its own instead of Node's shared pool: the pixels outlive the frame.
    const body = Buffer.allocUnsafeSlow(bodyLength(lengths, maxBytes));
    if (!(await fill(body))) return;
    yield frame(lengths, body);
  }
}

/**
 * Like {@link readFrames}, but blocks on a file descriptor. Each call returns the next frame, undefined at the end. All
 * frames share one buffer, because allocating costs more than reading: `data` is valid until the next call.
 */
export function frameReader(fd: number, maxBytes: number): () => Frame | undefined {
  const lengths = Buffer.alloc(lengthBytes);
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
