import { endianness } from 'node:os';
import { CheckpointError } from '../error.ts';
import { elementsOf } from '../tensor-source.ts';
import { streamSafetensors } from './stream-safetensors.ts';

/** One tensor to write. The data's byte order is the machine's, which the format wants little-endian. */
export interface TensorData {
  name: string;
  shape: readonly number[];
  data: Float32Array;
}

/** Writes a safetensors file of f32 tensors, in the order given, whole or not at all. */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  if (endianness() !== 'LE') {
    throw new CheckpointError('weights_invalid', 'Safetensors files can only be written on a little-endian machine.');
  }
  for (const { name, shape, data } of tensors) {
    if (elementsOf(shape) !== data.length) {
      throw new CheckpointError(
        'tensor_shape',
        `Tensor ${name} of shape [${shape.join(', ')}] has ${data.length} elements.`,
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
