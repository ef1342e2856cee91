import type { ResampleTable } from './resample-table.ts';

/** resize-columns.wat in binary form, as `node test/support/compile-wat.ts lib/image-gpt/resize-columns.wat` prints it. */
const MODULE =
  'AGFzbQEAAAABDQFgCX9/f39/f39/fwADAgEABQMBAAEHGgIGbWVtb3J5AgANcmVzaXplQ29sdW1ucwAACs4BAcsBAgR/AXsDQEEAIQkDQCAHIAMgCUECdGooAgBqIQogBSAJIAZsaiELIAsgBCAJQQJ0aigCAEECdGohDP0MAAAgAAAAIAAAACAAAAAgACENA0AgDSAL/QkCACAK/VwCAP2JAf2pAf21Af2uASENIApBA2ohCiALQQRqIQsgCyAMSQ0ACyANQRb9rAEhDSANIA39hQEhDSAIIA0gDf1m/VoCAAAgCEEDaiEIIAlBAWohCSAJIAJJDQALIAcgAWohByAAQQFrIQAgAA0ACws=';

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

/** Input rows are handed over in pieces of about this many bytes: larger than a cache is no faster. */
const PIECE = 1 << 20;

/** A pixel is read and written as four bytes, so one more than its three must exist, padded to whole words. */
const PADDING = 4;

const { memory, resizeColumns: sum } = instantiate();

/**
 * The horizontal pass of a resize, four channels at a time (WebAssembly SIMD: about three times as fast as a loop over
 * typed arrays, and the same bytes).
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
  const weights = table.weights.subarray(left * table.stride, (left + columns) * table.stride);

  const countsAt = columns * 4;
  const weightsAt = countsAt + columns * 4;
  const inputAt = weightsAt + weights.length * 4;
  const outputAt = inputAt + wholeWords(pieceRows * line) + PADDING;
  reserve(outputAt + wholeWords(pieceRows * outLine) + PADDING);

  const words = new Int32Array(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  for (let i = 0; i < columns; i += 1) {
    words[i] = table.start[left + i]! * 3;
    words[columns + i] = table.count[left + i]!;
  }
  words.set(weights, weightsAt / 4);

  const out = new Uint8Array(rows * outLine);
  for (let row = 0; row < rows; row += pieceRows) {
    const count = Math.min(pieceRows, rows - row);
    const from = (firstRow + row) * line;
    bytes.set(rgb.subarray(from, from + count * line), inputAt);
    sum(count, line, columns, 0, countsAt, weightsAt, table.stride * 4, inputAt, outputAt);
    out.set(bytes.subarray(outputAt, outputAt + count * outLine), row * outLine);
  }
  return out;
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
