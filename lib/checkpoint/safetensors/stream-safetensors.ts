import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointError } from '../error.ts';
import { bytesOf } from './safetensors.ts';

/** A tensor to write, whose data is made or read while it is written. */
export interface StreamedTensor {
  name: string;
  /** A safetensors dtype. */
  dtype: string;
  shape: readonly number[];
  /** Little-endian, C order; exactly the bytes that dtype and shape ask for. */
  pieces(): AsyncIterable<Uint8Array>;
}

/**
 * Writes a safetensors file in the order given, holding one piece at a time. The file appears whole or not at all: it
 * is written beside its place and renamed, so a process that has the old file mapped keeps the old bytes.
 *
 * @param written is told the bytes of data after each piece
 * @throws CheckpointError `tensor_shape` when a tensor gives another number of bytes, `weights_invalid` for equal names
 */
export async function streamSafetensors(
  path: string,
  tensors: readonly StreamedTensor[],
  metadata: Readonly<Record<string, string>>,
  written: (bytes: number) => void = () => {},
): Promise<void> {
  const header = encodeHeader(tensors, metadata);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${crypto.randomUUID()}.tmp`);
  try {
    const handle = await open(temporary, 'wx');
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
            `Tensor ${tensor.name} of shape [${tensor.shape.join(', ')}] has ${length} bytes; ${tensor.dtype} needs ${expected}.`,
          );
        }
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
function encodeHeader(tensors: readonly StreamedTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries = new Map<string, unknown>([['__metadata__', metadata]]);
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    if (entries.has(name)) {
      throw new CheckpointError('weights_invalid', `Two tensors are named ${name}.`);
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
