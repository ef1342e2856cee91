import type { ResampleTable } from './resample-table.ts';

/** resize-columns.wat in binary form, as `node test/support/compile-wat.ts lib/image-gpt/resize-columns.wat` prints it. */
const MODULE =
  'AGFzbQEAAAABDQFgCX9/f39/f39/fwADAgEABQMBAAEHGgIGbWVtb3J5AgANcmVzaXplQ29sdW1ucwAACtACAc0CAgR/BXsDQEEAIQkDQCAHIAMgCUECdGooAgBqIQogBSAJIAZsaiELIAsgBCAJQQJ0aigCAEEEdGohDP0MAAAAAAAAAAAAAAAAAAAAACEQ/QwAACAAAAAgAAAAIAAAACAAIREDQCAK/QAEACENIA39DAD/A/8B/wT/Av8F///////9DiEOIA39DAb/Cf8H/wr/CP8L///////9DiEPIBAgDiAL/QkCAP26Af2uASEQIBEgDiAL/QkCCP26Af2uASERIBAgDyAL/QkCBP26Af2uASEQIBEgDyAL/QkCDP26Af2uASERIApBDGohCiALQRBqIQsgCyAMSQ0ACyAQQQv9qwEgEf2uAUEW/awBIREgESAR/YUBIREgCCARIBH9Zv1aAgAAIAhBA2ohCCAJQQFqIQkgCSACSQ0ACyAHIAFqIQcgAEEBayEAIAANAAsL';

/** What is used of WebAssembly: TypeScript declares it only among the browser's types. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: ResizeModule };
};

interface ResizeModule {
  memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  /** The addresses and strides are in bytes; see resize-columns.wat. */
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

const PAGE = 65_536;

/** Input rows are handed over in pieces of about this many bytes, which stay in the processor's nearest cache. */
const PIECE = 1 << 16;

/** Pixels that are summed at once. */
const GROUP = 4;

/** Bytes of a group's weights: a high and a low part of 16 bits each. */
const GROUP_BYTES = GROUP * 4;

/** Low bits of a weight. Weights are at most 1.2 x 2^22 (the middle of lanczos), so the high part fits in 16 bits. */
const LOW_BITS = 11;

/**
 * A group is read as 16 bytes, from up to three pixels after the last one that counts, and a pixel is written as four
 * bytes: so many bytes more must exist. What they hold is multiplied by 0, or overwritten.
 */
const PADDING = 32;

const { memory, resizeColumns: sum } = instantiate();

/**
 * The horizontal pass of a resize, four pixels at a time (WebAssembly SIMD: several times as fast as a loop over typed arrays,
 * and the same bytes).
 *
 * @param rgb [height, width, 3]; `rows` of them are read from `firstRow` on
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
  const pieceRows = Math.min(rows, Math.max(1, Math.floor(PIECE / line)));
  const stride = Math.ceil(table.stride / GROUP) * GROUP_BYTES;

  const countsAt = columns * 4;
  const weightsAt = countsAt + columns * 4;
  const inputAt = weightsAt + columns * stride;
  const outputAt = inputAt + wholeWords(pieceRows * line) + PADDING;
  reserve(outputAt + wholeWords(pieceRows * outLine) + PADDING);

  const words = new Int32Array(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  for (let i = 0; i < columns; i += 1) {
    words[i] = table.start[left + i]! * 3;
    words[columns + i] = Math.ceil(table.count[left + i]! / GROUP);
  }
  writeWeights(new Int16Array(memory.buffer, weightsAt, (columns * stride) / 2), table, left, columns, stride / 2);

  const out = new Uint8Array(rows * outLine);
  for (let row = 0; row < rows; row += pieceRows) {
    const count = Math.min(pieceRows, rows - row);
    const from = (firstRow + row) * line;
    bytes.set(rgb.subarray(from, from + count * line), inputAt);
    sum(count, line, columns, 0, countsAt, weightsAt, stride, inputAt, outputAt);
    out.set(bytes.subarray(outputAt, outputAt + count * outLine), row * outLine);
  }
  return out;
}

/** Each weight in two parts; the last group of a column is filled up with zeros. */
function writeWeights(to: Int16Array, table: ResampleTable, left: number, columns: number, stride: number): void {
  to.fill(0);
  for (let i = 0; i < columns; i += 1) {
    const from = (left + i) * table.stride;
    for (let j = 0; j < table.count[left + i]!; j += 1) {
      const weight = table.weights[from + j]!;
      const at = i * stride + (j >> 2) * 2 * GROUP + (j & 3);
      to[at] = weight >> LOW_BITS;
      to[at + GROUP] = weight & ((1 << LOW_BITS) - 1);
    }
  }
}

function wholeWords(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

function reserve(bytes: number): void {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE);
  if (missing > 0) memory.grow(missing);
}

function instantiate(): ResizeModule {
  const module = new WebAssembly.Module(Uint8Array.from(atob(MODULE), (character) => character.charCodeAt(0)));
  return new WebAssembly.Instance(module).exports;
}
