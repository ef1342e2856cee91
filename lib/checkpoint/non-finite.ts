import { join } from 'node:path';
import type { ImageGptWeights } from '../graph/weights.ts';
import { openByteFile } from './byte-file.ts';
import type { StreamedTensor } from './safetensors/write-safetensors.ts';
import { listWeights } from './weights-by-role.ts';

/** A tensor that holds NaN or infinities, which make a model's predictions useless. */
export interface NonFinite {
  tensor: string;
  /** How many elements are NaN or infinite. */
  count: number;
}

/** Exponent bits, by dtype. Only NaN and infinities have all of them set. */
const exponents: Readonly<Record<string, number>> = { F32: 0x7f800000, F16: 0x7c00, BF16: 0x7f80 };

/** Counts NaN and infinities in little-endian data of whole elements. Integers have none. */
export function countNonFinite(bytes: Uint8Array, dtype: string): number {
  const exponent = exponents[dtype];
  if (exponent === undefined) return 0;
  const size = dtype === 'F32' ? 4 : 2;
  // A typed array must begin at a multiple of its element size.
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const words =
    size === 4
      ? new Uint32Array(buffer, byteOffset, byteLength / size)
      : new Uint16Array(buffer, byteOffset, byteLength / size);
  let count = 0;
  for (let i = 0; i < words.length; i++) if (((words[i] ?? 0) & exponent) === exponent) count++;
  return count;
}

/** Returns the same tensors. Calls `found` when a tensor has been read and holds NaN or infinities. */
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
 * Reads all weights of a model, in the order of the forward pass, and lists tensors with NaN or infinities.
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
