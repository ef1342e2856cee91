import { open, rename, rm } from 'node:fs/promises';
import { endianness } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { CheckpointError } from './error.ts';

/** One tensor to write. The data's byte order is the machine's, which the format wants little-endian. */
export interface TensorData {
  name: string;
  shape: readonly number[];
  data: Float32Array;
}

/**
 * Writes a safetensors file of f32 tensors, in the order given. The file appears whole or not at all: it is written
 * beside its place and renamed, so a process that has the old file mapped keeps the old bytes.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  const header = encodeHeader(tensors, metadata);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${crypto.randomUUID()}.tmp`);
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(header);
      for (const { data } of tensors) {
        await handle.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Length, JSON and padding; the data begins at a multiple of 8 bytes, as the reference implementation aligns it. */
function encodeHeader(tensors: readonly TensorData[], metadata: Readonly<Record<string, string>>): Uint8Array {
  if (endianness() !== 'LE') {
    throw new CheckpointError('weights_invalid', 'Safetensors files can only be written on a little-endian machine.');
  }
  const entries = new Map<string, unknown>([['__metadata__', metadata]]);
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== data.length) {
      throw new CheckpointError(
        'tensor_shape',
        `Tensor ${name} of shape [${shape.join(', ')}] has ${data.length} elements.`,
      );
    }
    if (entries.has(name)) {
      throw new CheckpointError('weights_invalid', `Two tensors are named ${name}.`);
    }
    entries.set(name, { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] });
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const padded = Math.ceil(json.length / 8) * 8;
  const header = Buffer.alloc(8 + padded, ' ');
  header.writeBigUInt64LE(BigInt(padded));
  json.copy(header, 8);
  return header;
}
