import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameReader, readFrames, writeFrame, writeFrameSync } from '../../../lib/decode/decode-protocol.ts';

function written(frames: readonly { head: unknown; data: Uint8Array }[]): Buffer {
  const pipe = new PassThrough();
  for (const { head, data } of frames) writeFrame(pipe, head, data);
  return pipe.read() ?? Buffer.alloc(0);
}

async function readAll(chunks: Uint8Array[], maxBytes = 1000): Promise<{ head: unknown; data: number[] }[]> {
  const frames: { head: unknown; data: number[] }[] = [];
  const source = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  for await (const { head, data } of readFrames(source, maxBytes)) frames.push({ head, data: [...data] });
  return frames;
}

describe('writeFrame and readFrames', () => {
  it('transfer frames in pieces of any size', async () => {
    const frame = fc.record({ head: fc.dictionary(fc.string(), fc.integer()), data: fc.uint8Array({ maxLength: 40 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 4 }), fc.integer({ min: 1, max: 50 }), async (frames, size) => {
        const bytes = written(frames);
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        expect(await readAll(pieces)).toEqual(
          frames.map(({ head, data }) => ({ head: JSON.parse(JSON.stringify(head)), data: [...data] })),
        );
      }),
    );
  });

  it('drop an incomplete last frame', async () => {
    const bytes = written([
      { head: 1, data: Uint8Array.of(1, 2) },
      { head: 2, data: Uint8Array.of(3, 4) },
    ]);
    expect(await readAll([bytes.subarray(0, bytes.length - 1)])).toEqual([{ head: 1, data: [1, 2] }]);
  });

  it('refuse a frame that is too large before allocating memory for it', async () => {
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32LE(2, 0);
    lengths.writeUInt32LE(4_000_000_000, 4);
    await expect(readAll([lengths])).rejects.toThrow('Expected a frame of at most 1000 bytes, received 4000000002.');
  });
});

describe('writeFrameSync and frameReader', () => {
  it('transfer frames through a file descriptor', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'frames-'));
    const file = join(directory, 'frames');
    const frames = [
      { head: { first: 1 }, data: Uint8Array.of(1, 2, 3) },
      { head: 'second', data: new Uint8Array(0) },
      { head: null, data: new Uint8Array(200_000).fill(7) },
    ];
    try {
      const to = openSync(file, 'w');
      for (const { head, data } of frames) writeFrameSync(to, head, data);
      closeSync(to);
      expect(readFileSync(file).equals(written(frames))).toBe(true);

      const from = openSync(file, 'r');
      const next = frameReader(from, 1_000_000);
      for (const { head, data } of frames) {
        const read = next();
        expect(read?.head).toEqual(head);
        expect(Buffer.from(data).equals(read?.data ?? Buffer.of(0))).toBe(true);
      }
      expect(next()).toBeUndefined();
      closeSync(from);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('drop an incomplete last frame, and refuse one that is too large', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'frames-'));
    const file = join(directory, 'frames');
    try {
      const bytes = written([{ head: 1, data: Uint8Array.of(1, 2) }]);
      await writeFile(file, bytes.subarray(0, bytes.length - 1));
      const from = openSync(file, 'r');
      expect(frameReader(from, 1000)()).toBeUndefined();
      closeSync(from);
      const again = openSync(file, 'r');
      expect(frameReader(again, 2)).toThrow('Expected a frame of at most 2 bytes, received 3.');
      closeSync(again);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
