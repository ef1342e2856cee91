import { join } from 'node:path';
import type { ImageGptWeights } from '../graph/weights.ts';
import { openByteFile } from './byte-file.ts';
import type { StreamedTensor } from './safetensors/stream-safetensors.ts';
import { listWeights } from './weights-by-role.ts';

/** A tensor that holds NaN or infinities: a model with one computes nothing that could be relied on. */
export interface NonFinite {
  tensor: string;
  /** Elements that are NaN or infinite. */
  count: number;
}

/** Bits of the exponent: all are set in NaN and in infinities, and in nothing else. */
const exponents: Readonly<Record<string, number>> = { F32: 0x7f800000, F16: 0x7c00, BF16: 0x7f80 };

/** How many elements of little-endian data are NaN or infinite; of integers, none. Bytes hold whole elements. */
export function countNonFinite(bytes: Uint8Array, dtype: string): number {
  const exponent = exponents[dtype];
  if (exponent === undefined) return 0;
  const size = dtype === 'F32' ? 4 : 2;
  // A typed array begins at a multiple of its element's size.
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const words =
    size === 4
      ? new Uint32Array(buffer, byteOffset, byteLength / size)
      : new Uint16Array(buffer, byteOffset, byteLength / size);
  let count = 0;
  for (let i = 0; i < words.length; i++) if (((words[i] ?? 0) & exponent) === exponent) count++;
  return count;
}

/** The same tensors; `found` is told of each that turns out, once it has been read, to hold NaN or infinities. */
export function watchNonFinite(
  tensors: readonly StreamedTensor[],
  found: (nonFinite: NonFinite) => void,
): StreamedTensor[] {
  return tensors.map((tensor) => ({
    ...tensor,
    async *pieces() {
      let count = 0;
      for await (const piece of tensor.pieces()) {
        count += countNonFinite(piece, tensor.dtype);
        yield piece;
      }
      if (count > 0) found({ tensor: tensor.name, count });
    },
  }));
}

/**
 * Looks through all weights of a model, in the order of the forward pass.
 *
 * @throws CheckpointError `weights_missing`, `weights_truncated`
 */
export async function findNonFinite(weights: ImageGptWeights): Promise<NonFinite[]> {
  const found: NonFinite[] = [];
  for (const { name, dtype, file, offset, length } of listWeights(weights)) {
    await using source = await openByteFile(join(weights.directory, file));
    let count = 0;
    for await (const piece of source.pieces(offset, length)) count += countNonFinite(piece, dtype);
    if (count > 0) found.push({ tensor: name, count });
  }
  return found;
}
