import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openRegularFile } from '../files/regular-file.ts';
import type { Checkpoint } from './checkpoint.ts';
import { CheckpointError } from './error.ts';

/** Large enough to hash at full speed, small enough to block the event loop for less than a millisecond. */
const pieceBytes = 1 << 20;

/** Cached by path, size and times: the model id and the derived weights need the same hashes, and 5 GB take seconds. */
const known = new Map<string, Promise<string>>();

/** SHA-256 of every weight file, in order (hex). An unchanged file is read only once. */
export function weightHashes({ weights, weightFiles }: Checkpoint): Promise<string[]> {
  return Promise.all(weightFiles.map((file) => fileHash(join(weights.directory, file))));
}

/**
 * SHA-256 of a file from byte `start` to its end (hex).
 *
 * @throws CheckpointError `weights_missing` if the file was removed after the checkpoint was opened
 */
export async function fileHash(path: string, start = 0): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch((cause: unknown) => {
    throw gone(path, cause);
  });
  const key = [path, start, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join('\n');
  const hash = known.get(key) ?? hashFile(path, start);
  known.set(key, hash);
  hash.catch(() => known.delete(key));
  return hash;
}

async function hashFile(path: string, start: number): Promise<string> {
  const hash = createHash('sha256');
  try {
    await using file = await openRegularFile(path);
    // One buffer is hashed while the other is filled. Allocating a new buffer per piece costs more than the hash.
    let piece = Buffer.allocUnsafeSlow(pieceBytes);
    let other = Buffer.allocUnsafeSlow(pieceBytes);
    let at = start;
    let { bytesRead } = await file.read(piece, 0, pieceBytes, at);
    while (bytesRead > 0) {
      at += bytesRead;
      const next = file.read(other, 0, pieceBytes, at);
      hash.update(piece.subarray(0, bytesRead));
      ({ bytesRead } = await next);
      [piece, other] = [other, piece];
    }
  } catch (cause) {
    throw gone(path, cause);
  }
  return hash.digest('hex');
}

function gone(path: string, cause: unknown): CheckpointError {
  return new CheckpointError('weights_missing', `${basename(path)} can no longer be read; run the command again.`, {
    cause,
  });
}
