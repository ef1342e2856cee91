import { openByteFile } from '../byte-file.ts';
import type { TensorSource } from '../tensor-source.ts';
import { readSafetensorsHeader } from './safetensors.ts';

/**
 * Opens one safetensors file.
 *
 * @throws CheckpointError `weights_missing`, `weights_truncated`, `weights_invalid`
 */
export async function openSafetensors(path: string): Promise<TensorSource> {
  const { tensors, fileBytes } = await readSafetensorsHeader(path);
  const file = await openByteFile(path);
  return {
    format: 'safetensors',
    tensors: new Map(
      [...tensors.values()].map(({ name, dtype, shape, offset, length }) => [
        name,
        { name, dtype, shape, pieces: () => file.pieces(offset, length) },
      ]),
    ),
    bytes: fileBytes,
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}
