import { basename } from 'node:path';
import { CheckpointError, truncatedFile } from './error.ts';
import { openFile } from './open-file.ts';

/** A weight file that is read in ranges. */
export interface ByteFile extends AsyncDisposable {
  /** Base name, used in messages. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** @throws CheckpointError `weights_truncated` if the range passes the end of the file */
  read(offset: number, length: number): Promise<Buffer>;
  /** Reads a range in pieces of 4 MiB. All pieces share one buffer: use a piece before asking for the next. */
  pieces(offset: number, length: number): AsyncGenerator<Buffer>;
}

/** Large enough to read at disk speed. A multiple of 8, so no number is split. */
const pieceBytes = 4 * 2 ** 20;

/**
 * Opens a regular file, or a link to one.
 *
 * @throws CheckpointError `weights_missing`
 */
export async function openByteFile(path: string): Promise<ByteFile> {
  const name = basename(path);
  const handle = await openFile(path, 'weights_missing');
  if (handle === undefined) {
    throw new CheckpointError('weights_missing', `${name} is missing; expected it beside the other weight files.`);
  }
  const { size } = await handle.stat();

  const truncated = (offset: number, length: number) => truncatedFile(name, `${length} bytes at ${offset}`, size);

  const fill = async (buffer: Buffer, offset: number): Promise<void> => {
    if (!(offset >= 0 && offset + buffer.length <= size)) {
      throw truncated(offset, buffer.length);
    }
    for (let done = 0; done < buffer.length; ) {
      const { bytesRead } = await handle
        .read(buffer, done, buffer.length - done, offset + done)
        .catch((cause: unknown) => {
          throw new CheckpointError('weights_missing', `${name} can no longer be read; run the command again.`, {
            cause,
          });
        });
      if (bytesRead === 0) throw truncated(offset, buffer.length);
      done += bytesRead;
    }
  };

  return {
    name,
    size,
    async read(offset, length) {
      if (!(length >= 0 && offset >= 0 && offset + length <= size)) throw truncated(offset, length);
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
