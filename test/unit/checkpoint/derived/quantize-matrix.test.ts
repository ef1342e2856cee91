import { expect, test } from 'vitest';
import {
  multiplyColumns,
  multiplyRows,
  quantizeBlocks,
  quantizeColumns,
  valueScales,
} from '../../../../lib/checkpoint/derived/quantize-matrix.ts';

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

// The first column has scale 0.5; the second has small numbers.
const matrix = Float32Array.of(63.5, 0.127, -31.75, -0.064, 0.2, 0); // [3, 2]

test('each column has its own scale, and its largest number becomes 127', () => {
  const { values, scales } = quantizeColumns(matrix, 3, 2);
  expect([...scales]).toEqual([0.5, Math.fround(0.127 / 127)]);
  expect([...values]).toEqual([127, 127, -63, -64, 0, 0]); // -63.5 rounds up, 0.4 down
});

test('a column of zeros stays zero', () => {
  const { values, scales } = quantizeColumns(new Float32Array(2), 2, 1);
  expect([...values, ...scales]).toEqual([0, 0, 1]);
});

test('the lowest value is -127, so the range is symmetric', () => {
  expect([...quantizeColumns(Float32Array.of(-3, 3, -2.99), 3, 1).values]).toEqual([-127, 127, -127]);
});

test('each column becomes blocks around 128 with their own scales, the last one padded', () => {
  const { values, scales } = quantizeBlocks(matrix, 3, 2, 2);
  expect([...values]).toEqual([255, 65, 255, 128, 255, 64, 128, 128]); // [2 columns, 2 blocks, 2]
  expect([...scales]).toEqual([0.5, Math.fround(0.2 / 127), Math.fround(0.127 / 127), 1].map(Math.fround));
});
