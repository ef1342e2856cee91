import { endianness } from 'node:os';
import { CheckpointError } from '../error.ts';
import { elementsOf } from '../tensor-source.ts';
import { streamSafetensors } from './stream-safetensors.ts';

/** An f32 tensor to write. */
export interface TensorData {
  name: string;
  shape: readonly number[];
  data: Float32Array;
}

/** Writes f32 tensors to a safetensors file, in the given order, whole or not at all. */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  if (endianness() !== 'LE') {
    throw new CheckpointError('weights_invalid', 'Safetensors files can be written only on a little-endian machine.');
  }
  for (const { name, shape, data } of tensors) {
    if (elementsOf(shape) !== data.length) {
      throw new CheckpointError(
        'tensor_shape',
        `Tensor ${name} of shape [${shape.join(', ')}] has ${data.length} elements; expected ${elementsOf(shape)}.`,
      );
    }
  }
  const streamed = tensors.map(({ name, shape, data }) => ({
    name,
    dtype: 'F32',
    shape,
    async *pieces() {
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    },
  }));
  await streamSafetensors(path, streamed, metadata);
}
