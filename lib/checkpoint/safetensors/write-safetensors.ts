import { rm } from 'node:fs/promises';
import { endianness } from 'node:os';
import { nameBeside } from '../../files/leftovers.ts';
import { replaceFile } from '../../files/place-file.ts';
import { openRegularFile } from '../../files/regular-file.ts';
import { elementsOf } from '../../graph/graph.ts';
import { CheckpointError } from '../error.ts';
import { bytesOf } from './safetensors.ts';

/** A tensor to write. Its data is produced while it is written. */
export interface StreamedTensor {
  name: string;
  /** A safetensors dtype. */
  dtype: string;
  shape: readonly number[];
  /** The data: little-endian, C order, exactly as many bytes as dtype and shape take. */
  pieces(): AsyncIterable<Uint8Array>;
}

/**
 * Writes a safetensors file in the given order, with one piece in memory. The file appears whole or not at all: it is
 * written under a temporary name, then renamed. A process that has memory-mapped the old file keeps the old content.
 *
 * @param written called with the size of each piece of data after it was written (bytes)
 * @throws CheckpointError `tensor_shape` if a tensor yields the wrong number of bytes, `weights_invalid` if two tensors
 * have the same name
 */
export async function streamSafetensors(
  path: string,
  tensors: readonly StreamedTensor[],
  metadata: Readonly<Record<string, string>>,
  written: (bytes: number) => void = () => {},
): Promise<void> {
  const header = encodeHeader(tensors, metadata);
  const temporary = nameBeside(path, 'tmp');
  try {
    const handle = await openRegularFile(temporary, 'create');
    try {
      await handle.writeFile(header);
      for (const tensor of tensors) {
        const expected = bytesOf(tensor.dtype, tensor.shape);
        let length = 0;
        for await (const piece of tensor.pieces()) {
          length += piece.length;
          if (length > expected) break;
          await handle.writeFile(piece);
          written(piece.length);
        }
        if (length !== expected) {
          throw new CheckpointError(
            'tensor_shape',
            `Tensor ${tensor.name}, ${tensor.dtype} [${tensor.shape.join(', ')}], has ${length} bytes; expected ${expected}.`,
          );
        }
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await replaceFile(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Length, JSON and padding. The data begins at a multiple of 8 bytes, as in the reference implementation. */
function encodeHeader(tensors: readonly StreamedTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries = new Map<string, unknown>([['__metadata__', metadata]]);
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    if (entries.has(name)) {
      throw new CheckpointError('weights_invalid', `Two tensors are named ${name}; expected each name once.`);
    }
    const end = offset + bytesOf(dtype, shape);
    entries.set(name, { dtype, shape, data_offsets: [offset, end] });
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const padded = Math.ceil(json.length / 8) * 8;
  const header = Buffer.alloc(8 + padded, ' ');
  header.writeBigUInt64LE(BigInt(padded));
  json.copy(header, 8);
  return header;
}

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
