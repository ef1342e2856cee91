import { ImageGptError } from '../ports/error.ts';
import type { Resample } from '../ports/model.ts';
import { nearestSources, type ResampleTable, resampleTable } from './resample-table.ts';
import { resizeColumns } from './resize-columns.ts';

/** A part of the resized picture, pixels. */
export interface Window {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A picture or a size that {@link resize} cannot work with. */
export class ResizeError extends ImageGptError {}

/** Half of one in the fixed point of the weights, so that the shift rounds. */
const HALF = 1 << 21;

/** Pillow makes pictures that are more than this many times as tall as wide shorter before it touches the width. */
const TALL = 100;

/**
 * Resizes as Pillow's `Image.resize` does, byte for byte: fixed-point weights, the horizontal pass first and rounded
 * to 8 bits, then the vertical one; a pass is skipped where the size stays the same. Pictures more than 100 times as
 * tall as wide that become shorter take the vertical pass first (`Image.resize` in PIL/Image.py).
 *
 * @param rgb [height, width, 3]
 * @param window the part of the result to compute; default: all of it. Each pixel is what it would be in the whole.
 * @returns [window.height, window.width, 3], never the input itself
 * @throws {ResizeError} when a size is not a positive integer, `rgb` has another length, or the window lies outside
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
  if (height > width * TALL && outHeight < height) {
    // [window.height, width, 3]
    const { top, height: rows } = window;
    const shorter = resizePasses(rgb, width, height, width, outHeight, resample, { left: 0, top, width, height: rows });
    return resizePasses(shorter, width, rows, outWidth, rows, resample, { ...window, top: 0 });
  }
  return resizePasses(rgb, width, height, outWidth, outHeight, resample, window);
}

/** Horizontal, then vertical. */
function resizePasses(
  rgb: Uint8Array,
  width: number,
  height: number,
  outWidth: number,
  outHeight: number,
  resample: Resample,
  window: Window,
): Uint8Array {
  // Pillow copies when nothing changes and looks up one source pixel for "nearest": both are one gather.
  if (resample === 0 || (width === outWidth && height === outHeight)) {
    return gather(rgb, width, nearestSources(width, outWidth), nearestSources(height, outHeight), window);
  }
  const vertical = height === outHeight ? undefined : resampleTable(height, outHeight, resample);
  // Only the rows that the vertical pass will read: [firstRow, lastRow).
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

/** Vertical pass: [rows from `firstRow` on, window.width, 3] to [window.height, window.width, 3]. */
function resizeRows(columns: Uint8Array, firstRow: number, table: ResampleTable, window: Window): Uint8Array {
  const { start, count, weights, stride } = table;
  const line = window.width * 3;
  // Clamping to 0..255 is the array's own: the negative lobes of bicubic and lanczos overshoot.
  const out = new Uint8ClampedArray(window.height * line);
  const sums = new Int32Array(line);
  for (let y = 0; y < window.height; y += 1) {
    sums.fill(HALF);
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

/** [rows, width, 3] to [rows, window.width, 3]. */
function copyColumns(rgb: Uint8Array, width: number, firstRow: number, rows: number, window: Window): Uint8Array {
  const out = new Uint8Array(rows * window.width * 3);
  for (let row = 0; row < rows; row += 1) {
    const from = ((firstRow + row) * width + window.left) * 3;
    out.set(rgb.subarray(from, from + window.width * 3), row * window.width * 3);
  }
  return out;
}

/** One source pixel for each pixel of the window, [window.height, window.width, 3]. */
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

/** Nearest integer, halves to the even one: C's and NumPy's `rint`, Python's `round`. */
export function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
