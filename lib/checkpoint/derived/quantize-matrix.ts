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

/** A matrix in 8 bits with its scales: number = (value - zero) x scale; zero is 0 if signed, 128 if unsigned. */
export interface QuantizedMatrix<T extends Int8Array | Uint8Array> {
  values: T;
  scales: Float32Array<ArrayBuffer>;
}

/** Largest magnitude of a value. -128 is not used, so the range is symmetric. */
const maxValue = 127;

/** The value that means 0 in unsigned blocks. */
const blockZero = 128;

/**
 * Rounds `matrix` [rows, columns] to signed 8 bits with one scale per column: values [rows, columns], scales [columns].
 * It only divides and rounds, without sums, so the bytes are the same on every machine.
 */
export function quantizeColumns(
  matrix: Float32Array,
  rows: number,
  columns: number,
): QuantizedMatrix<Int8Array<ArrayBuffer>> {
  const scales = new Float32Array(columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const magnitude = Math.abs(matrix[i * columns + j]!);
      if (magnitude > scales[j]!) scales[j] = magnitude;
    }
  }
  for (let j = 0; j < columns; j++) scales[j] = scaleOf(scales[j]!);
  const values = new Int8Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) values[i * columns + j] = rounded(matrix[i * columns + j]!, scales[j]!);
  }
  return { values, scales };
}

/**
 * Rounds `matrix` [rows, columns] to unsigned 8 bits around 128. Each `block` rows of a column share a scale: values
 * [columns, blocks, block], the last block padded with zeros; scales [columns x blocks].
 */
export function quantizeBlocks(
  matrix: Float32Array,
  rows: number,
  columns: number,
  block: number,
): QuantizedMatrix<Uint8Array<ArrayBuffer>> {
  const blocks = Math.ceil(rows / block);
  const scales = new Float32Array(columns * blocks);
  const values = new Uint8Array(columns * blocks * block).fill(blockZero);
  for (let j = 0; j < columns; j++) {
    for (let b = 0; b < blocks; b++) {
      const end = Math.min(rows, (b + 1) * block);
      let largest = 0;
      for (let i = b * block; i < end; i++) largest = Math.max(largest, Math.abs(matrix[i * columns + j]!));
      const scale = scaleOf(largest);
      scales[j * blocks + b] = scale;
      for (let i = b * block; i < end; i++) {
        values[j * blocks * block + i] = blockZero + rounded(matrix[i * columns + j]!, scale);
      }
    }
  }
  return { values, scales };
}

/** Zeros alone get scale 1, which avoids a division by 0. */
function scaleOf(largest: number): number {
  return largest === 0 ? 1 : Math.fround(largest / maxValue);
}

/** The clamp is needed: the scale is rounded to float32, so the largest number can exceed 127. */
function rounded(value: number, scale: number): number {
  return Math.max(-maxValue, Math.min(maxValue, Math.round(value / scale)));
}
