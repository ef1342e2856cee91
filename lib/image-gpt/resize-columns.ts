import type { ResampleTable } from './resample-table.ts';

/** resize-columns.wat in base64, the output of `node test/unit/image-gpt/compile-wat.ts lib/image-gpt/resize-columns.wat`. */
const moduleBase64 =
  'AGFzbQEAAAABDQFgCX9/f39/f39/fwADAgEABQMBAAEHGgIGbWVtb3J5AgANcmVzaXplQ29sdW1ucwAACtACAc0CAgR/BXsDQEEAIQkDQCAHIAMgCUECdGooAgBqIQogBSAJIAZsaiELIAsgBCAJQQJ0aigCAEEEdGohDP0MAAAAAAAAAAAAAAAAAAAAACEQ/QwAACAAAAAgAAAAIAAAACAAIREDQCAK/QAEACENIA39DAD/A/8B/wT/Av8F///////9DiEOIA39DAb/Cf8H/wr/CP8L///////9DiEPIBAgDiAL/QkCAP26Af2uASEQIBEgDiAL/QkCCP26Af2uASERIBAgDyAL/QkCBP26Af2uASEQIBEgDyAL/QkCDP26Af2uASERIApBDGohCiALQRBqIQsgCyAMSQ0ACyAQQQv9qwEgEf2uAUEW/awBIREgESAR/YUBIREgCCARIBH9Zv1aAgAAIAhBA2ohCCAJQQFqIQkgCSACSQ0ACyAHIAFqIQcgAEEBayEAIAANAAsL';

/** The parts of WebAssembly that we use. TypeScript declares them only in the browser's types. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: ResizeModule };
};

interface ResizeModule {
  memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  /** Addresses and strides are in bytes. See resize-columns.wat. */
  resizeColumns(
    rows: number,
    line: number,
    columns: number,
    starts: number,
    counts: number,
    weights: number,
    stride: number,
    input: number,
    output: number,
  ): void;
}

const pageBytes = 65_536;

/** Size of a piece of input rows (bytes): small enough to stay in the processor's cache. */
const pieceBytes = 1 << 16;

/** Pixels that one step sums. */
const groupSize = 4;

/** Size of a group's weights: a high and a low part of 16 bits per pixel (bytes). */
const groupBytes = groupSize * 4;

/** Bits in the low part of a weight. A weight is at most 1.2 x 2^22 (centre of lanczos), so the high part fits into 16 bits. */
const lowBits = 11;

/**
 * Extra bytes after input and output. A group is read as 16 bytes, up to three pixels past the last one with a weight.
 * These pixels have weight 0. A pixel is written as four bytes; the next pixel overwrites the fourth.
 */
const padding = 32;

const { memory, resizeColumns: resizePiece } = instantiate();

/**
 * The horizontal pass of a resize. WebAssembly SIMD sums four pixels at a time: several times faster than a loop over typed
 * arrays, with the same result.
 *
 * @param rgb [height, width, 3], of which `rows` rows are read from `firstRow` on
 * @param left first output column
 * @param columns output columns
 * @returns [rows, columns, 3]
 */
export function resizeColumns(
  rgb: Uint8Array,
  width: number,
  firstRow: number,
  rows: number,
  table: ResampleTable,
  left: number,
  columns: number,
): Uint8Array {
  const line = width * 3;
  const outLine = columns * 3;
  const pieceRows = Math.min(rows, Math.max(1, Math.floor(pieceBytes / line)));
  const stride = Math.ceil(table.stride / groupSize) * groupBytes;

  const countsAt = columns * 4;
  const weightsAt = countsAt + columns * 4;
  const inputAt = weightsAt + columns * stride;
  const outputAt = inputAt + wholeWords(pieceRows * line) + padding;
  reserve(outputAt + wholeWords(pieceRows * outLine) + padding);

  const words = new Int32Array(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  for (let i = 0; i < columns; i += 1) {
    words[i] = table.start[left + i]! * 3;
    words[columns + i] = Math.ceil(table.count[left + i]! / groupSize);
  }
  writeWeights(new Int16Array(memory.buffer, weightsAt, (columns * stride) / 2), table, left, columns, stride / 2);

  const out = new Uint8Array(rows * outLine);
  for (let row = 0; row < rows; row += pieceRows) {
    const count = Math.min(pieceRows, rows - row);
    const from = (firstRow + row) * line;
    bytes.set(rgb.subarray(from, from + count * line), inputAt);
    resizePiece(count, line, columns, 0, countsAt, weightsAt, stride, inputAt, outputAt);
    out.set(bytes.subarray(outputAt, outputAt + count * outLine), row * outLine);
  }
  return out;
}

/** Writes each weight in two parts. Zeros fill the last group of a column. */
function writeWeights(to: Int16Array, table: ResampleTable, left: number, columns: number, stride: number): void {
  to.fill(0);
  for (let i = 0; i < columns; i += 1) {
    const from = (left + i) * table.stride;
    for (let j = 0; j < table.count[left + i]!; j += 1) {
      const weight = table.weights[from + j]!;
      const at = i * stride + (j >> 2) * 2 * groupSize + (j & 3);
      to[at] = weight >> lowBits;
      to[at + groupSize] = weight & ((1 << lowBits) - 1);
    }
  }
}

function wholeWords(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

function reserve(bytes: number): void {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / pageBytes);
  if (missing > 0) memory.grow(missing);
}

function instantiate(): ResizeModule {
  const module = new WebAssembly.Module(Uint8Array.from(atob(moduleBase64), (character) => character.charCodeAt(0)));
  return new WebAssembly.Instance(module).exports;
}
