import type { BlockWeights, Weight } from '../../graph/weights.ts';

/** Channels that differ by more than 2^16 are damaged, not outliers. */
const maxExponent = 16;

/** q | k | v side by side, [d, 3d] (in x out), from either layout. */
export async function packAttention(
  { attention }: BlockWeights,
  read: (weight: Weight) => Promise<Float32Array>,
  d: number,
): Promise<Float32Array> {
  if (attention.layout === 'packed') return read(attention.weight);
  const packed = new Float32Array(3 * d * d);
  for (const [part, weight] of [attention.q, attention.k, attention.v].entries()) {
    const matrix = await read(weight); // [d, d], out x in
    for (let out = 0; out < d; out++) {
      for (let i = 0; i < d; i++) packed[i * 3 * d + part * d + out] = matrix[out * d + i]!;
    }
  }
  return packed;
}

/** Multiplies row i of `matrix` [rows, columns] by scales[i], in place. */
export function multiplyRows(matrix: Float32Array, scales: Float32Array): void {
  const columns = matrix.length / scales.length;
  for (let i = 0; i < scales.length; i++) {
    for (let j = i * columns; j < (i + 1) * columns; j++) matrix[j]! *= scales[i]!;
  }
}

/** Multiplies column `first + j` of `matrix` [d, 3d] by scales[j] [d], in place. */
export function multiplyColumns(matrix: Float32Array, scales: Float32Array, first: number): void {
  const columns = matrix.length / scales.length;
  for (let start = first; start < matrix.length; start += columns) {
    for (let j = 0; j < scales.length; j++) matrix[start + j]! *= scales[j]!;
  }
}

/**
 * Scale of each channel of the values (v) relative to the median channel, [d]. Scales are powers of two, so moving them
 * from v to the next matrix changes no bit. The norms of the columns are the estimate: after a norm without gain, the
 * inputs of all columns are of similar size.
 *
 * @param packed q | k | v, [d, 3d]
 */
export function valueScales(packed: Float32Array, d: number): Float32Array {
  const squares = new Float64Array(d);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) squares[j]! += packed[i * 3 * d + 2 * d + j]! ** 2;
  }
  const median = squares.toSorted()[d >> 1] ?? 0;
  return Float32Array.from(squares, (square) => {
    if (square === 0 || median === 0) return 1;
    const exponent = Math.round(Math.log2(square / median) / 2);
    return 2 ** Math.max(-maxExponent, Math.min(maxExponent, exponent));
  });
}
