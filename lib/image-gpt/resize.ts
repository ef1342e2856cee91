import { ImageGptError } from '../ports/error.ts';
import type { Resample } from '../ports/model.ts';
import { nearestSources, type ResampleTable, resampleTable } from './resample-table.ts';
import { resizeColumns } from './resize-columns.ts';

/** A part of the resized picture (pixels). */
export interface Window {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** {@link resize} received an invalid picture, size or window. */
export class ResizeError extends ImageGptError {}

/** One half in the fixed point of the weights. Added to a sum, it makes the shift round. */
const half = 1 << 21;

/** Pillow resizes the height first if a picture is more than this many times as tall as wide. */
const tallRatio = 100;

/**
 * Resizes with the same result as Pillow's `Image.resize`, byte for byte. Weights are fixed-point numbers. The horizontal
 * pass comes first and rounds to 8 bits, then the vertical pass. A pass that does not change the size is skipped. The
 * vertical pass comes first if a picture more than 100 times as tall as wide becomes shorter (PIL/Image.py).
 *
 * @param rgb [height, width, 3]
 * @param window part of the result to compute (default: all); its pixels equal those of the whole result
 * @returns [window.height, window.width, 3], a new array
 * @throws {ResizeError} when a size is no positive integer, `rgb` has another length, or the window leaves the result
 */
export function resize(
  rgb: Uint8Array,
  width: number,
  height: number,
  outWidth: number,
  outHeight: number,
  resample: Resample,
  window: Window = { left: 0, top: 0, width: outWidth, height: outHeight },
): Uint8Array {
  checkSizes(rgb, width, height, outWidth, outHeight, window);
  if (height > width * tallRatio && outHeight < height) {
    // [window.height, width, 3]
    const { top, height: rows } = window;
    const shorter = resizePasses(rgb, width, height, width, outHeight, resample, { left: 0, top, width, height: rows });
    return resizePasses(shorter, width, rows, outWidth, rows, resample, { ...window, top: 0 });
  }
  return resizePasses(rgb, width, height, outWidth, outHeight, resample, window);
}

/** The horizontal pass, then the vertical pass. */
function resizePasses(
  rgb: Uint8Array,
  width: number,
  height: number,
  outWidth: number,
  outHeight: number,
  resample: Resample,
  window: Window,
): Uint8Array {
  // Pillow copies if no size changes, and picks one source pixel for "nearest". Both are a gather.
  if (resample === 0 || (width === outWidth && height === outHeight)) {
    return gather(rgb, width, nearestSources(width, outWidth), nearestSources(height, outHeight), window);
  }
  const vertical = height === outHeight ? undefined : resampleTable(height, outHeight, resample);
  // Compute only the rows that the vertical pass reads: [firstRow, lastRow).
  const firstRow = vertical ? vertical.start[window.top]! : window.top;
  const bottom = window.top + window.height - 1;
  const lastRow = vertical ? vertical.start[bottom]! + vertical.count[bottom]! : bottom + 1;
  const rows = lastRow - firstRow;
  const columns =
    width === outWidth
      ? copyColumns(rgb, width, firstRow, rows, window)
      : resizeColumns(rgb, width, firstRow, rows, resampleTable(width, outWidth, resample), window.left, window.width);
  return vertical ? resizeRows(columns, firstRow, vertical, window) : columns;
}

/** The vertical pass: [rows from `firstRow` on, window.width, 3] to [window.height, window.width, 3]. */
function resizeRows(columns: Uint8Array, firstRow: number, table: ResampleTable, window: Window): Uint8Array {
  const { start, count, weights, stride } = table;
  const line = window.width * 3;
  // The array clamps to 0..255. Sums overshoot because bicubic and lanczos have negative lobes.
  const out = new Uint8ClampedArray(window.height * line);
  const sums = new Int32Array(line);
  for (let y = 0; y < window.height; y += 1) {
    sums.fill(half);
    const first = (window.top + y) * stride;
    const end = first + count[window.top + y]!;
    let p = (start[window.top + y]! - firstRow) * line;
    for (let k = first; k < end; k += 1) {
      const weight = weights[k]!;
      for (let x = 0; x < line; x += 1, p += 1) {
        sums[x] = sums[x]! + Math.imul(columns[p]!, weight);
      }
    }
    for (let x = 0, o = y * line; x < line; x += 1, o += 1) {
      out[o] = sums[x]! >> 22;
    }
  }
  return new Uint8Array(out.buffer);
}

/** Copies the window's columns: [rows, width, 3] to [rows, window.width, 3]. */
function copyColumns(rgb: Uint8Array, width: number, firstRow: number, rows: number, window: Window): Uint8Array {
  const out = new Uint8Array(rows * window.width * 3);
  for (let row = 0; row < rows; row += 1) {
    const from = ((firstRow + row) * width + window.left) * 3;
    out.set(rgb.subarray(from, from + window.width * 3), row * window.width * 3);
  }
  return out;
}

/** Copies one source pixel to each pixel of the window: [window.height, window.width, 3]. */
function gather(rgb: Uint8Array, width: number, columns: Int32Array, rows: Int32Array, window: Window): Uint8Array {
  const out = new Uint8Array(window.height * window.width * 3);
  let o = 0;
  for (let y = 0; y < window.height; y += 1) {
    const line = rows[window.top + y]! * width;
    for (let x = 0; x < window.width; x += 1, o += 3) {
      const p = (line + columns[window.left + x]!) * 3;
      out[o] = rgb[p]!;
      out[o + 1] = rgb[p + 1]!;
      out[o + 2] = rgb[p + 2]!;
    }
  }
  return out;
}

function checkSizes(
  rgb: Uint8Array,
  width: number,
  height: number,
  outWidth: number,
  outHeight: number,
  { left, top, width: windowWidth, height: windowHeight }: Window,
): void {
  for (const size of [width, height, outWidth, outHeight, windowWidth, windowHeight]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new ResizeError('invalid_size', `Expected sizes in whole pixels of at least 1, received ${size}.`);
    }
  }
  if (rgb.length !== width * height * 3) {
    throw new ResizeError(
      'invalid_size',
      `Expected ${width * height * 3} bytes for an RGB picture of ${width}x${height}, received ${rgb.length}.`,
    );
  }
  const inside =
    Number.isInteger(left) &&
    Number.isInteger(top) &&
    left >= 0 &&
    top >= 0 &&
    left + windowWidth <= outWidth &&
    top + windowHeight <= outHeight;
  if (!inside) {
    throw new ResizeError(
      'invalid_size',
      `Expected a window inside ${outWidth}x${outHeight}, received ${windowWidth}x${windowHeight} at ${left},${top}.`,
    );
  }
}

/** Rounds to the nearest integer, and halves to the even one, as `rint` in C and NumPy and `round` in Python do. */
export function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
