import { expect, test } from 'vitest';
import { multiplyColumns, multiplyRows, valueScales } from '../../../../lib/checkpoint/derived/fold-scales.ts';

test('each row is multiplied by its scale', () => {
  const matrix = Float32Array.of(1, 2, 3, 4);
  multiplyRows(matrix, Float32Array.of(10, 100));
  expect([...matrix]).toEqual([10, 20, 300, 400]);
});

test('only the columns from the given one on are multiplied', () => {
  const matrix = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12); // [2, 6], the last 2 columns are values
  multiplyColumns(matrix, Float32Array.of(10, 100), 4);
  expect([...matrix]).toEqual([1, 2, 3, 4, 50, 600, 7, 8, 9, 10, 110, 1200]);
});

test('a channel of values 40 times as large as the others gets scale 32, the others 1', () => {
  const d = 3;
  const packed = new Float32Array(d * 3 * d).fill(1); // q | k | v, [3, 9]
  for (let row = 0; row < d; row++) packed[row * 9 + 6] = 40;
  expect([...valueScales(packed, d)]).toEqual([32, 1, 1]);
});

test('channels of zeros get scale 1', () => {
  expect([...valueScales(new Float32Array(27), 3)]).toEqual([1, 1, 1]);
});
