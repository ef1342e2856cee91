import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resampleTable } from '../../../lib/image-gpt/resample-table.ts';
import { resizeColumns } from '../../../lib/image-gpt/resize-columns.ts';
import { compileWat } from './compile-wat.ts';

const SOURCE = join(import.meta.dirname, '../../../lib/image-gpt/resize-columns');

/** Reference: the same sums in a plain loop. */
function plainColumns(rgb: Uint8Array, width: number, rows: number, outWidth: number, resample: 1 | 2 | 3): number[] {
  const { start, count, weights, stride } = resampleTable(width, outWidth, resample);
  const out: number[] = [];
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < outWidth; x += 1) {
      for (let c = 0; c < 3; c += 1) {
        let sum = 2 ** 21;
        for (let k = 0; k < count[x]!; k += 1)
          sum += rgb[(y * width + start[x]! + k) * 3 + c]! * weights[x * stride + k]!;
        out.push(Math.min(255, Math.max(0, Math.floor(sum / 2 ** 22))));
      }
    }
  }
  return out;
}

function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Black and white give the largest overshoot.
    return state >>> 31 ? 255 : 0;
  });
}

describe('resizeColumns', () => {
  it('contains its compiled WebAssembly text', async () => {
    expect(await readFile(`${SOURCE}.ts`, 'utf8')).toContain(`'${await compileWat(`${SOURCE}.wat`)}'`);
  });

  it('equals a plain loop, clamped where bicubic and lanczos overshoot', () => {
    const rgb = noise(37 * 5 * 3);
    for (const resample of [1, 2, 3] as const) {
      for (const outWidth of [1, 8, 36, 38, 90]) {
        const ours = resizeColumns(rgb, 37, 0, 5, resampleTable(37, outWidth, resample), 0, outWidth);
        expect([...ours], `filter ${resample} to ${outWidth}`).toEqual(plainColumns(rgb, 37, 5, outWidth, resample));
      }
    }
  });

  it('joins the pieces of a large picture, and of rows that are longer than a piece', () => {
    for (const [width, rows] of [
      [700, 800],
      [400_000, 2],
    ] as const) {
      const rgb = noise(width * rows * 3);
      const ours = resizeColumns(rgb, width, 0, rows, resampleTable(width, 3, 2), 0, 3);
      expect(ours).toEqual(Uint8Array.from(plainColumns(rgb, width, rows, 3, 2)));
    }
  });

  it('reads from a given row and computes a range of columns', () => {
    const rgb = noise(20 * 6 * 3);
    const table = resampleTable(20, 9, 3);
    const whole = resizeColumns(rgb, 20, 0, 6, table, 0, 9);
    const part = resizeColumns(rgb, 20, 4, 2, table, 3, 2);
    const row = (y: number) => [...whole.subarray((y * 9 + 3) * 3, (y * 9 + 5) * 3)];
    expect([...part]).toEqual([...row(4), ...row(5)]);
  });
});
