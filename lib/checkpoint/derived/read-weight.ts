import { join } from 'node:path';
import type { Weight } from '../../graph/weights.ts';
import { openByteFile } from '../byte-file.ts';
import { readFloats } from '../read-floats.ts';

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
  return await readFloats({ name, dtype, shape, pieces });
}
