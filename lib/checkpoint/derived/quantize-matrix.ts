/** A matrix in 8 bits with its scales: value = (stored - zero) x scale. */
export interface QuantizedMatrix<T extends Int8Array | Uint8Array> {
  values: T;
  scales: Float32Array<ArrayBuffer>;
}

/** Largest magnitude of a stored number; -128 is left out, so that both signs reach equally far. */
const MOST = 127;

/** What stands for 0 in unsigned blocks. */
const BLOCK_ZERO = 128;

/**
 * Rounds `matrix` [rows, columns] to signed 8 bits with one scale for each column: values [rows, columns], scales
 * [columns]. One division and one rounding a number, no sums: the same bytes on every machine.
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
 * Rounds `matrix` [rows, columns] to unsigned 8 bits around 128, `block` rows of a column to a scale: values [columns,
 * blocks, block], the last block filled up with zeros; scales [columns x blocks].
 */
export function quantizeBlocks(
  matrix: Float32Array,
  rows: number,
  columns: number,
  block: number,
): QuantizedMatrix<Uint8Array<ArrayBuffer>> {
  const blocks = Math.ceil(rows / block);
  const scales = new Float32Array(columns * blocks);
  const values = new Uint8Array(columns * blocks * block).fill(BLOCK_ZERO);
  for (let j = 0; j < columns; j++) {
    for (let b = 0; b < blocks; b++) {
      const end = Math.min(rows, (b + 1) * block);
      let most = 0;
      for (let i = b * block; i < end; i++) most = Math.max(most, Math.abs(matrix[i * columns + j]!));
      const scale = scaleOf(most);
      scales[j * blocks + b] = scale;
      for (let i = b * block; i < end; i++) {
        values[j * blocks * block + i] = BLOCK_ZERO + rounded(matrix[i * columns + j]!, scale);
      }
    }
  }
  return { values, scales };
}

/** A column of zeros gets a scale too: nothing may be divided by 0. */
function scaleOf(most: number): number {
  return most === 0 ? 1 : Math.fround(most / MOST);
}

/** Rounding the scale to float32 can push the largest number over the edge. */
function rounded(value: number, scale: number): number {
  return Math.max(-MOST, Math.min(MOST, Math.round(value / scale)));
}
