import { join } from 'node:path';
import type { Weight } from '../../graph/weights.ts';
import { openByteFile } from '../byte-file.ts';
import { floatPieces } from '../float-dtype.ts';

/**
 * Reads a weight, widened to f32, in C order.
 *
 * @throws CheckpointError `weights_missing`, `weights_truncated`
 */
export async function readWeight(directory: string, weight: Weight): Promise<Float32Array<ArrayBuffer>> {
  const { name, dtype, shape, file, offset, length } = weight;
  await using source = await openByteFile(join(directory, file));
  const bytes = await source.read(offset, length);
  async function* pieces() {
    yield bytes;
  }
  for await (const wide of floatPieces({ name, dtype, shape, pieces }, 'F32')) {
    // The copy aligns the bytes: a typed array must begin at a multiple of its element size.
    return new Float32Array(new Uint8Array(wide).buffer);
  }
  return new Float32Array(0);
}
