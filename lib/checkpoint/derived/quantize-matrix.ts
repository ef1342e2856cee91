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
