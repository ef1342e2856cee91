import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { CheckpointError } from './error.ts';
import { statFile } from './stat-file.ts';

/** A file of weights that is read in places, never as a whole. */
export interface ByteFile extends AsyncDisposable {
  /** Base name, for messages. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** @throws CheckpointError `weights_truncated` when the range passes the end of the file */
  read(offset: number, length: number): Promise<Buffer>;
  /** A range in pieces of a few MB. A piece is valid until the next one is asked for: they share their memory. */
  pieces(offset: number, length: number): AsyncGenerator<Buffer>;
}

/** Large enough for the disk's full speed; a multiple of 8, so that no number is cut in two. */
const pieceBytes = 4 * 2 ** 20;

/**
 * Opens a regular file, or a link to one.
 *
 * @throws CheckpointError `weights_missing`
 */
export async function openByteFile(path: string): Promise<ByteFile> {
  const name = basename(path);
  if ((await statFile(path, 'weights_missing')) === undefined) {
    throw new CheckpointError('weights_missing', `${name} is missing; expected it beside the other files.`);
  }
  const handle = await open(path).catch((cause: unknown) => {
    throw new CheckpointError('weights_missing', `${name} cannot be opened; check its permissions.`, { cause });
  });
  const { size } = await handle.stat();

  async function fill(buffer: Buffer, offset: number): Promise<void> {
    if (!(offset >= 0 && offset + buffer.length <= size)) {
      throw truncated(name, offset, buffer.length, size);
    }
    for (let done = 0; done < buffer.length; ) {
      const { bytesRead } = await handle
        .read(buffer, done, buffer.length - done, offset + done)
        .catch((cause: unknown) => {
          throw new CheckpointError('weights_missing', `${name} can no longer be read.`, { cause });
        });
      if (bytesRead === 0) throw truncated(name, offset, buffer.length, size);
      done += bytesRead;
    }
  }

  return {
    name,
    size,
    async read(offset, length) {
      if (!(length >= 0 && offset >= 0 && offset + length <= size)) throw truncated(name, offset, length, size);
      const buffer = Buffer.from(new ArrayBuffer(length));
      await fill(buffer, offset);
      return buffer;
    },
    async *pieces(offset, length) {
      const memory = Buffer.from(new ArrayBuffer(Math.min(pieceBytes, length)));
      for (let done = 0; done < length; done += memory.length) {
        const piece = memory.subarray(0, Math.min(memory.length, length - done));
        await fill(piece, offset + done);
        yield piece;
      }
    },
    async [Symbol.asyncDispose]() {
      await handle.close();
    },
  };
}

function truncated(name: string, offset: number, length: number, size: number): CheckpointError {
  return new CheckpointError(
    'weights_truncated',
    `${name} is cut short: expected ${length} bytes at ${offset}, found a file of ${size} bytes. Copy or download it again.`,
  );
}
